import { describeMariadb, startMariadb } from "../fixtures/mariadb-server.js";
import { MysqlHarness } from "./mysql-harness.js";
import { targetContract } from "./target-contract.js";

describeMariadb("on MariaDB", () => {
  targetContract("mysql", async () => new MysqlHarness(await startMariadb({ generalLog: true })));
});
