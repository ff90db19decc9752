import { CoffreError } from "../../core/errors.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition } from "../definition.js";
import { FILE_OPTIONS, type FileKeeping, keepFiles, readFileSettings } from "./serve-files.js";
import type { Delivery } from "../../server/mail/delivery.js";
import { DEFAULT_LISTEN, readServeOptions } from "./serve-options.js";
import { MAIL_OPTIONS, readMailServer, readStyle, startMail, STYLE_OPTIONS } from "./serve-mail.js";

export const serve: CommandDefinition = {
  name: "serve",
  summary: "serve the vault to a team's runners over HTTP",
  description: [
    "Serves the configured vault, which is a file, to everybody who has a token: `coffre:url` is then `coffre+https://host:8730`. What each may do follows from the vault's users, groups and grants, and is enforced at every request. `coffre token create` makes tokens.",
    "It listens on 127.0.0.1 unless --listen says otherwise. Beyond this machine it speaks TLS only: --tls-cert and --tls-key name PEM files. A polite kill (SIGTERM) or Ctrl-C ends it: what is under way is answered first.",
    "It speaks LockSelf's REST API as well, to clients that were written for that. The links that it answers there name it as the request did; behind a proxy that doesn't pass the host on, --public-url says what clients call it.",
    "With --mail-host it sends the mail that the vault owes to people: what a drop-box asks for, codes, receipts, notices. A mail stays in the vault until the mail server has taken it, and is sent once: one whose fate a crash left open is given up, not sent again.",
    "What people deposit is archived, deleted and given up as each drop-box says, once an hour. With --scanner every file stays in quarantine until that program, which reads it on standard input, has ended with 0: 1 means infected, and the file is deleted; after anything else, or too long, it is tried again. --quota limits all files together.",
    "The pages of drop-boxes are for people without a token, under `/boxes/`: a code that comes by mail lets in those whom a box names. Mails link to them by --public-url, without which they name the address where the server listens.",
    "Transfers (`coffre send`) have pages under `/transfers/`, for whoever has a link.",
    "Each request is one line of JSON on stdout: who, which route, how it ended, how long it took; never a name, a value or a token. `/healthz` says that the process answers, `/readyz` that the vault does.",
  ],
  options: [
    { flags: "--listen <host:port>", description: `where to listen (default ${DEFAULT_LISTEN}; port 0: any free one)` },
    { flags: "--tls-cert <file>", description: "PEM file of the certificate, with those that lead to its authority" },
    { flags: "--tls-key <file>", description: "PEM file of the certificate's key" },
    { flags: "--requests-per-minute <number>", description: "the most of one token (default 60000)" },
    { flags: "--largest-request <bytes>", description: "the largest body that is taken (default 16777216)" },
    { flags: "--no-access-log", description: "no line for each request" },
    {
      flags: "--public-url <url>",
      description: "where clients reach it, for links in answers and mails (default: as each request names it)",
    },
    {
      flags: "--lockself-lists <style>",
      description: "lists on LockSelf's routes: sample (default), plain or embedded",
    },
    {
      flags: "--export-certificate <file>",
      description: "PEM file: exports on LockSelf's routes are for its certificates, and no zip",
    },
    ...FILE_OPTIONS,
    ...MAIL_OPTIONS,
    ...STYLE_OPTIONS,
  ],
  examples: [
    {
      command: "coffre serve --vault file:///srv/coffre/prod.db",
      does: "on this machine only, for a proxy that ends TLS",
    },
    {
      command: "coffre serve --listen 0.0.0.0:8730 --tls-cert /etc/coffre/tls.pem --tls-key /etc/coffre/tls.key",
      does: "for a team",
    },
    {
      command: "coffre serve --public-url https://vault.example.com --export-certificate /etc/coffre/technician.pem",
      does: "behind a proxy of that name, with exports that only the technician opens",
    },
    {
      command:
        "coffre serve --mail-host mail.example.com --mail-user drop --mail-password-file /etc/coffre/mail.password --mail-from 'Example Ltd <drop@example.com>'",
      does: "with mail",
    },
    {
      command: "coffre serve --scanner /etc/coffre/scan --quota 200GB",
      does: "with a virus scanner before anybody downloads, and a limit",
    },
  ],
  json: "Nothing more than without it: the access log is JSON already, and its first line names the address (`listening`).",
  exits: [
    {
      code: 2,
      when: "an option or a file that it names is wrong, plain HTTP beyond this machine, or an address that is taken",
    },
  ],
  async run(context, { options }) {
    const { terminal, clock, signal } = context;
    // Before the vault is opened: what is wrong here is told at once, and nothing was made.
    const { place, limits, tls, lockself } = await readServeOptions(options, clock.now());
    const [style, mailServer, files] = await Promise.all([
      readStyle(options),
      readMailServer(options),
      readFileSettings(options),
    ]);
    const [
      vault,
      { createServer },
      { openState, statePath },
      old,
      { v1Front },
      { lockselfFront },
      { boxPages },
      { transferPages },
      { placeOf },
    ] = await Promise.all([
      context.embeddedVault(),
      import("../../server/app.js"),
      import("../../server/state.js"),
      import("../../server/old-category-rules.js"),
      import("../../server/v1/front.js"),
      import("../../server/lockself/lockself-front.js"),
      import("../../server/pages/boxes/box-pages.js"),
      import("../../server/pages/transfers/transfer-pages.js"),
      import("../../server/pages/boxes/visitor.js"),
    ]);
    const complainOf = (error: unknown) => complain(context, error);
    const state = await openState(vault, statePath(vault.path), clock);
    // Begins to send once the server listens, so that no mail links to what nobody answers.
    let mail: Delivery | undefined;
    let keeping: FileKeeping | undefined;
    try {
      await old.carryCategoryRules(vault, state);
      keeping = await keepFiles(vault, files, { clock, complain: complainOf });
      const secure = tls !== undefined || lockself.publicUrl?.startsWith("https:") === true;
      const pageStyle = { ...style, secure };
      const { links } = vault;
      const transfers = links && transferPages({ links, state, clock, style: pageStyle, complain: complainOf });
      const pages = boxPages({
        vault,
        state,
        clock,
        style: pageStyle,
        sendsMail: mailServer !== undefined,
        wake: () => mail?.wake(),
        complain: complainOf,
      });
      const server = await createServer({
        vault,
        state,
        clock,
        fronts: [v1Front, lockselfFront(state, lockself), pages, ...(transfers ? [transfers] : [])],
        limits,
        ...(tls ? { tls } : {}),
        ...(options["accessLog"] === false ? {} : { log: (line) => terminal.print(JSON.stringify(line)) }),
        complain: complainOf,
      });
      const origin = await server.listen(place);
      terminal.print(JSON.stringify({ at: clock.now().toISOString(), listening: origin }));
      if (mailServer) {
        const site = lockself.publicUrl ?? origin;
        const letters = {
          ...style,
          pageOf: (boxId: string, depositId?: string) => site + placeOf(boxId, depositId),
          transferPageOf: (link: string) => `${site}/transfers/${link}`,
        };
        mail = await startMail({ ...mailServer, outbox: vault.outbox, style: letters, clock, complain: complainOf });
      }
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener("abort", () => resolve(), { once: true });
      });
      terminal.note("Ending: what is under way is answered first.");
      await Promise.all([server.stop(), mail?.stop()]);
    } finally {
      await keeping?.stop();
      state.file.close();
    }
  },
};

/** What failed in the server itself: by name and place, since a message may quote what was sent. */
export function complain({ terminal }: CommandContext, error: unknown): void {
  if (error instanceof CoffreError) terminal.complain(`coffre: ${error.code}: ${error.problem}`);
  else if (error instanceof Error)
    terminal.complain(`coffre: ${error.name}\n${(error.stack ?? "").split("\n    at ").slice(1).join("\n    at ")}`);
}
