import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import type { EmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import type { Mail } from "../../provider/vault/port.js";
import { collect } from "../contract/vault-cases/setup.js";
import { Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(2 * SLOW_MS); // eight calls

let shell: Shell;
let vault: EmbeddedVault;
beforeAll(async () => {
  shell = await Shell.open();
  vault = (await shell.makeVault("prod")) as EmbeddedVault; // the shell's vaults are files
});
afterAll(async () => {
  await vault.close();
  await shell.close();
});

const owed = (): Promise<Mail[]> => collect<Mail>(vault.outbox.list());

test("mail that was given up is listed, and sent again when a person says so", async () => {
  const parameters = { link: "tr_4vJm0sTzq8YfB2nKxW1aLd.secret" };
  const [mail] = await vault.outbox.add([{ to: "bo@example.com", template: "transfer-sent", parameters }]);
  const id = mail?.id ?? "";
  expect(await shell.coffre(["mail", "retry", id])).toMatchObject({
    exitCode: 5,
    stderr: expect.stringContaining("wasn't given up"),
  });
  await vault.outbox.take();
  await vault.outbox.settle([{ id, outcome: "failed", problem: "it may have been sent" }]);
  const listed = await shell.coffre(["mail", "list", "--given-up"]);
  expect(listed.stdout).toContain(`${id}  bo@example.com  transfer-sent  given up  1 try`);
  expect(listed.stdout).toContain("it may have been sent");
  const shown = JSON.parse((await shell.coffre(["mail", "list", "--json"])).stdout) as object[];
  expect(shown).toMatchObject([{ id, to: "bo@example.com", state: "failed", attempts: 1 }]);
  expect(JSON.stringify(shown)).not.toContain(parameters.link); // it stands in the mail alone
  expect(await shell.coffre(["mail", "retry", "--all"])).toMatchObject({
    exitCode: 0,
    stdout: "1 mails are tried again.\n",
  });
  expect(await owed()).toMatchObject([{ id, state: "waiting", attempts: 0 }]);
  expect(await shell.coffre(["mail", "retry"])).toMatchObject({ exitCode: 2 });
  expect(await shell.coffre(["mail", "retry", "ml_none"])).toMatchObject({ exitCode: 3 });
});
