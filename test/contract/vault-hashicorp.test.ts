import { afterAll } from "@jest/globals";
import type { HashicorpVault } from "../../provider/vault/hashicorp/hashicorp-vault.js";
import { newVault, sharedServer } from "../fixtures/openbao.js";
import { vaultContract } from "./vault-contract.js";

afterAll(async () => (await sharedServer()).stop());

vaultContract(
  "in a KV version 2 engine",
  async () => {
    const { open } = await newVault();
    const opened: HashicorpVault[] = [];
    return {
      async open(options) {
        const vault = open(options);
        opened.push(vault);
        return vault;
      },
      async dispose() {
        await Promise.all(opened.map((vault) => vault.close()));
      },
    };
  },
  { events: "server" },
);
