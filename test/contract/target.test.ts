import { startPostgres } from "../fixtures/postgres-server.js";
import { PostgresHarness } from "./postgres-harness.js";
import { targetContract } from "./target-contract.js";

targetContract("postgres", async () => {
  const server = await startPostgres({ settings: { log_statement: "all" } });
  return new PostgresHarness(server);
});
