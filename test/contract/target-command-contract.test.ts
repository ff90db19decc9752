import { CommandHarness } from "./command-harness.js";
import { targetContract } from "./target-contract.js";

targetContract("command", () => CommandHarness.start(), { connectsItself: false });
