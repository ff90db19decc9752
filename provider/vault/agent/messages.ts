import { isFlag, isOneOf, isRecord, isText } from "../../core/guards.js";
import type { Capabilities } from "../port.js";

/** Where an agent says what it stands for. */
export const AGENT_ROUTE = "/agent";

/** Where a connection is upgraded to questions and answers of a line each, and what that is called in HTTP's `Upgrade`. */
export const LINES_ROUTE = "/agent/lines";
export const LINES_PROTOCOL = "coffre-lines";

/** What an agent says of itself. */
export interface AgentAnswer {
  /** The URL of its vault, canonical: an agent speaks for this one vault. */
  url: string;
  capabilities: Capabilities;
  pid: number;
}

/** What it says, without what isn't known here; `undefined` for what no agent says. */
export function readAgentAnswer(value: unknown): AgentAnswer | undefined {
  if (!isRecord(value)) return undefined;
  const { url, pid } = value;
  const capabilities = readCapabilities(value["capabilities"]);
  return isText(url) && Number.isSafeInteger(pid) && capabilities ? { url, capabilities, pid: Number(pid) } : undefined;
}

function readCapabilities(value: unknown): Capabilities | undefined {
  if (!isRecord(value)) return undefined;
  const { versions, compareAndSet, grants, dropBoxes, events, readOnly } = value;
  const isWhole =
    isFlag(versions) &&
    isFlag(compareAndSet) &&
    isOneOf(grants, ["none", "declared", "enforced"]) &&
    isFlag(dropBoxes) &&
    isOneOf(events, ["own", "server", "none"]) &&
    (readOnly === undefined || isFlag(readOnly));
  if (!isWhole) return undefined;
  return { versions, compareAndSet, grants, dropBoxes, events, ...(readOnly === undefined ? {} : { readOnly }) };
}
