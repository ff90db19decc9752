#!/usr/bin/env node
// Looks, sets, verifies and removes on a switch with a command line: one program for all, told by `operation` what to do.
// It reads one line of JSON on standard input and answers by its exit code (docs/targets/command.md). It prints nothing that
// it was told, and nothing that the switch shows where a password was typed.
import { connect } from "node:net";

const EXIT = {
  done: 0,
  made: 112,
  valueRefused: 113,
  refused: 114,
  unreachable: 115,
  loginRefused: 116,
  noAccount: 118,
  forbidden: 119,
};
const MADE = "made by Coffre";
const DISABLED = "disabled by Coffre";
const PROMPT = /switch-1(\(config\))?[>#] $/;
const WAIT_FOR_CONFIGURATION_MS = 100;

/** Ends with an answer: nothing was changed, or everything. Whatever else ends this program is an answer to nothing. */
class Answer extends Error {
  constructor(exitCode, line) {
    super(line);
    this.exitCode = exitCode;
  }
}

/** A talk by lines: what the switch shows until a prompt, and what is typed then. */
class Talk {
  #socket;
  #shown = "";
  #wake = () => {};
  #ended = false;
  #latest;

  constructor({ host, port, timeoutMs }) {
    // Ends before Coffre would kill it, so that it can still say whether anything was sent.
    this.#latest = performance.now() + timeoutMs / 2;
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.setEncoding("utf8");
    this.#socket.on("data", (text) => {
      this.#shown += text;
      this.#wake();
    });
    for (const event of ["error", "close"]) {
      this.#socket.on(event, () => {
        this.#ended = true;
        this.#wake();
      });
    }
  }

  /** @returns what was shown since the last prompt, or undefined if this one doesn't come */
  async until(prompt) {
    for (;;) {
      if (prompt.test(this.#shown)) {
        const shown = this.#shown;
        this.#shown = "";
        return shown;
      }
      const leftMs = this.#latest - performance.now();
      if (this.#ended || leftMs <= 0) return undefined;
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Types a line and waits for this prompt. */
  async type(line, prompt = PROMPT) {
    this.#socket.write(`${line}\n`);
    return this.until(prompt);
  }

  close() {
    this.#socket.destroy();
  }
}

async function logIn(talk, { username, password }) {
  if ((await talk.until(/login: $/)) === undefined) throw new Answer(EXIT.unreachable, "no login prompt");
  if ((await talk.type(username, /Password: $/)) === undefined)
    throw new Answer(EXIT.unreachable, "no password prompt");
  const shown = await talk.type(password, /% Login invalid|switch-1> $/);
  if (shown === undefined) throw new Error("no answer to the login");
  if (shown.includes("% Login invalid")) throw new Answer(EXIT.loginRefused, "Login invalid");
}

/** @returns what the switch says of the user, undefined if there is none */
async function privilegedLook(talk, { login, username }) {
  await logIn(talk, login);
  const enabled = await talk.type("enable");
  if (enabled?.includes("%")) throw new Answer(EXIT.forbidden, `${login.username} may not enable`);
  const shown = await talk.type(`show user ${username}`);
  const [, state, description] = /user \S+ (enabled|disabled) "(.*)"/.exec(shown ?? "") ?? [];
  if (state !== undefined) return { enabled: state === "enabled", description };
  if (shown?.includes("% No such user")) return undefined;
  throw new Answer(EXIT.refused, "the switch doesn't show its users");
}

/** Opens the configuration once nobody else has it, types these lines and commits. Before the commit nothing is changed. */
async function configure(talk, lines, { secret } = {}) {
  for (;;) {
    const opened = await talk.type("configure terminal");
    if (opened === undefined) throw new Answer(EXIT.refused, "the configuration stayed locked");
    if (opened.includes("(config)#")) break;
    if (!opened.includes("locked")) throw new Answer(EXIT.refused, "the switch lets nobody configure");
    await new Promise((resolve) => setTimeout(resolve, WAIT_FOR_CONFIGURATION_MS));
  }
  for (const line of lines) {
    const shown = await talk.type(line);
    if (shown === undefined || shown.includes("%")) throw new Answer(EXIT.refused, "the switch didn't take a line");
  }
  if (secret) await typeSecret(talk, secret);
  const committed = await talk.type("commit");
  if (!committed?.includes("% Committed")) throw new Error("no answer to the commit");
}

async function typeSecret(talk, { username, password }) {
  await talk.type(`username ${username} secret`, /New password: $/);
  await talk.type(password, /Again: $/);
  const shown = await talk.type(password);
  if (shown?.includes("% Password too short")) throw new Answer(EXIT.valueRefused, "Password too short");
  if (!shown?.includes("% Accepted")) throw new Answer(EXIT.refused, "the switch didn't take the password");
}

/** The account changes its own password. The switch does so at once, so a lost answer is none. */
async function changeOwn(talk, { login, password }) {
  await logIn(talk, login);
  await talk.type("password", /Old password: $/);
  const asked = await talk.type(login.password, /New password: $|% Wrong password/);
  if (!asked?.includes("New password")) throw new Answer(EXIT.loginRefused, "Wrong password");
  await talk.type(password, /Again: $/);
  const shown = await talk.type(password);
  if (shown?.includes("% Password too short")) throw new Answer(EXIT.valueRefused, "Password too short");
  if (!shown?.includes("% Changed")) throw new Error("no answer to the change");
  return EXIT.done;
}

const OPERATIONS = {
  async look(talk, request) {
    if (request.login.username === request.username) await logIn(talk, request.login);
    else if (!(await privilegedLook(talk, request))) return EXIT.noAccount;
    return EXIT.done;
  },

  async set(talk, request) {
    const { login, username, password, create } = request;
    if (login.username === username) return changeOwn(talk, request);
    const user = await privilegedLook(talk, request);
    if (!user && !create) return EXIT.noAccount;
    const lines = [];
    if (!user) lines.push(`username ${username} description ${MADE}`);
    if (user?.description.includes(DISABLED)) {
      const description = user.description.replace(DISABLED, "").trim();
      lines.push(`username ${username} enable`, `username ${username} description ${description}`);
    }
    await configure(talk, lines, { secret: { username, password } });
    return !user || user.description.includes(MADE) ? EXIT.made : EXIT.done;
  },

  async verify(talk, request) {
    await logIn(talk, request);
    return EXIT.done;
  },

  async disable(talk, request) {
    const { username } = request;
    const user = await privilegedLook(talk, request);
    if (!user) return EXIT.noAccount;
    if (!user.enabled) return EXIT.done;
    const description = `${user.description} ${DISABLED}`.trim();
    await configure(talk, [`username ${username} disable`, `username ${username} description ${description}`]);
    return EXIT.done;
  },

  async drop(talk, request) {
    if (!(await privilegedLook(talk, request))) return EXIT.noAccount;
    await configure(talk, [`no username ${request.username}`]);
    return EXIT.done;
  },
};

async function main() {
  let text = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) text += chunk;
  const request = JSON.parse(text);
  const talk = new Talk(request);
  try {
    return await OPERATIONS[request.operation](talk, request);
  } catch (error) {
    if (!(error instanceof Answer)) throw error;
    process.stderr.write(`${error.message}\n`);
    return error.exitCode;
  } finally {
    talk.close();
  }
}

process.exitCode = await main();
