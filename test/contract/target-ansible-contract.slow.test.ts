import { jest } from "@jest/globals";
import { AnsibleHarness } from "./ansible-harness.js";
import { targetContract } from "./target-contract.js";

jest.setTimeout(600_000);

targetContract("ansible", () => AnsibleHarness.start(), { connectsItself: false });
