import * as z from "zod";
import type { Capabilities } from "../port.js";

/** Where an agent says what it stands for. */
export const AGENT_ROUTE = "/agent";

const CapabilitiesShape = z.object({
  versions: z.boolean(),
  compareAndSet: z.boolean(),
  grants: z.enum(["none", "declared", "enforced"]),
  dropBoxes: z.boolean(),
  events: z.enum(["own", "server", "none"]),
  readOnly: z.boolean().exactOptional(),
}) satisfies z.ZodType<Capabilities>;

/** What an agent says of itself. */
export const AgentAnswer = z.object({
  /** The URL of its vault, canonical: an agent speaks for this one vault. */
  url: z.string(),
  capabilities: CapabilitiesShape,
  pid: z.int(),
});
export type AgentAnswer = z.infer<typeof AgentAnswer>;
