import * as z from "zod";
import type { WireError } from "./wire-error.js";

/** An error as it travels, for the description of the interface. */
export const ErrorShape = z.object({
  code: z.string().meta({ description: "Stable: CONFLICT, NOT_FOUND, …" }),
  problem: z.string().meta({ description: "One sentence without a full stop" }),
  hint: z.string().nullable().meta({ description: "What to do next" }),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
}) satisfies z.ZodType<WireError>;

/** What every request that fails is answered with. */
export const ErrorAnswer = z.object({ error: ErrorShape });
