import { hostname } from "node:os";
import { CoffreError, isCoffreError } from "../../core/errors.js";
import type { EventFilter, VaultEvent } from "../../vault/port.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition } from "../definition.js";
import { pathText } from "../describe.js";
import { findCredential, parseCount } from "../reference.js";
import { rfc5424Lines } from "../rfc5424.js";
import { printable } from "../terminal.js";
import { collect } from "../../core/collect.js";

const LAST_EVENTS = 50;
const POLL_MS = 1_000;

export const events: CommandDefinition = {
  name: "events",
  summary: "show the vault's log: who did and read what, when",
  description: [
    "Shows the events of the vault, oldest first: every creation, every step of a rotation, every read of a value, every decision. Without --after or --ref the last 50. No event holds a value.",
    "With --follow it goes on and prints new events as they come, until Ctrl-C. `--after` with the last number that arrived goes on where an earlier one ended: nothing is missed and nothing comes twice.",
    "--format says how an event is printed: `json` is one object a line, `rfc5424` one line of syslog with everything as structured data, for the log of a company.",
  ],
  options: [
    { flags: "--follow", description: "go on with new events, until Ctrl-C" },
    { flags: "--format <format>", description: "text, json (one object a line) or rfc5424 (syslog)" },
    { flags: "--after <number>", description: "only events with a higher number" },
    { flags: "--ref <ref>", description: "only events of this credential" },
    { flags: "--limit <number>", description: "at most so many: the last ones, or the first after --after" },
  ],
  examples: [
    { command: "coffre events", does: "the last 50" },
    { command: "coffre events --ref Databases/orders-app", does: "one credential's life" },
    { command: "coffre events --follow --format json | logger -t coffre", does: "feed another log" },
    { command: "coffre events --format rfc5424 --after 0", does: "everything, as syslog" },
  ],
  json: "An array of `seq`, `at`, `actor`, `action`, `ids`, `version`, `detail`; with --follow, or with `--format json`, one such object a line.",
  async run(context, { options }) {
    const { terminal } = context;
    const follow = options["follow"] === true;
    if (follow && options["limit"] !== undefined) {
      throw new CoffreError("INVALID_INPUT", "--follow has no end, and --limit has one", { hint: "Give one of them." });
    }
    const format = parseFormat(context, options["format"], follow);
    const filter = await parseFilter(context, options);
    if (!follow && format === undefined) {
      terminal.json((await collect((await context.vault()).listEvents(filter))).map(eventShape));
      return;
    }
    const show = await printerFor(context, format ?? "json");
    if (follow) await followEvents(context, filter, show);
    else for await (const event of (await context.vault()).listEvents(filter)) await show(event);
  },
};

const FORMATS = ["text", "json", "rfc5424"] as const;
type Format = (typeof FORMATS)[number];

/** @returns `undefined` for one JSON array. @throws CoffreError INVALID_INPUT */
function parseFormat({ json }: CommandContext, option: unknown, follow: boolean): Format | undefined {
  if (option === undefined) return json ? (follow ? "json" : undefined) : "text";
  const format = FORMATS.find((each) => each === option);
  if (format === undefined || (json && format !== "json")) {
    const problem =
      format === undefined ? "--format takes text, json or rfc5424" : "--json and --format say two things";
    throw new CoffreError("INVALID_INPUT", problem, { hint: "Give one of them." });
  }
  return format;
}

type Show = (event: VaultEvent) => Promise<void>;

/** Prints an event, and waits while nobody takes what was printed. */
async function printerFor(context: CommandContext, format: Format): Promise<Show> {
  const { terminal, signal } = context;
  if (format === "text") return eventPrinter(context);
  const identity = await (await context.vault()).identity();
  const host = hostname();
  return async (event) => {
    const lines = format === "json" ? [JSON.stringify(eventShape(event))] : rfc5424Lines(event, identity, host);
    for (const line of lines) terminal.print(line);
    await terminal.drained(signal);
  };
}

async function parseFilter(context: CommandContext, options: Readonly<Record<string, unknown>>): Promise<EventFilter> {
  const { after, ref, limit } = options;
  const vault = await context.vault();
  const filter: EventFilter = {};
  if (after !== undefined) filter.after = parseCount("--after", after, { least: 0 });
  if (limit !== undefined) filter.limit = parseCount("--limit", limit);
  if (typeof ref === "string") filter.credentialId = (await findCredential(vault, ref)).id;
  else if (after === undefined)
    filter.after = Math.max(0, (await vault.identity()).head - (filter.limit ?? LAST_EVENTS));
  return filter;
}

async function followEvents(context: CommandContext, filter: EventFilter, show: Show): Promise<void> {
  const vault = await context.vault();
  const end = AbortSignal.any([context.signal, context.terminal.unread]);
  let after = filter.after ?? 0;
  while (!end.aborted) {
    // Asked before the list: an event that comes in between is listed again next time, not skipped.
    const { head } = await vault.identity();
    for await (const event of vault.listEvents({ ...filter, after })) {
      if (end.aborted) return;
      await show(event);
      after = event.seq;
    }
    after = Math.max(after, head);
    try {
      await context.clock.sleep(POLL_MS, end);
    } catch (error) {
      if (!isCoffreError(error, "INTERRUPTED")) throw error;
    }
  }
}

/** Prints a line an event, with paths in place of ids where they still exist. */
async function eventPrinter(context: CommandContext): Promise<Show> {
  const vault = await context.vault();
  const paths = new Map<string, string>();
  const nameOf = async (id: string): Promise<string> => {
    let name = paths.get(id);
    if (name === undefined) {
      const found = id.startsWith("ct_") ? vault.readCategory(id) : vault.readCredential(id);
      name = await found.then(pathText, () => id); // deleted since, or no credential at all
      paths.set(id, name);
    }
    return name;
  };
  return async ({ seq, at, actor, action, ids, version, detail }) => {
    // A key slot's id says nothing to anybody; its label is the event's detail.
    const named = action.startsWith("slot.") ? [] : ids;
    const shown = await Promise.all(named.slice(0, 3).map(nameOf));
    if (named.length > shown.length) shown.push(`and ${String(named.length - shown.length)} more`);
    const facts = [shown.join(", "), version && `version ${String(version)}`, detail && printable(detail)].filter(
      Boolean,
    );
    const { terminal } = context;
    const time = `${at.slice(0, 10)} ${at.slice(11, 19)}`;
    const who = terminal.style("dim", printable(actor));
    terminal.print(
      `${String(seq).padStart(5)}  ${time}  ${terminal.style("bold", action)}  ${facts.join("  ")}  ${who}`,
    );
  };
}

function eventShape({ seq, at, actor, action, ids, version, detail }: VaultEvent) {
  return { seq, at, actor, action, ids, version: version ?? null, detail: detail ?? null };
}
