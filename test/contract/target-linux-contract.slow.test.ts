import { startHosts } from "../fixtures/linux-hosts.js";
import { ADMIN, LinuxHarness } from "./linux-harness.js";
import { targetContract } from "./target-contract.js";

targetContract("linux", async () => {
  const files = { "/etc/sudoers.d/log": "Defaults logfile=/var/log/sudo.log\n" };
  return new LinuxHarness(await startHosts({ users: [ADMIN], files, sshd: ["LogLevel VERBOSE"] }));
});
