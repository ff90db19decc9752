import { readFile } from "node:fs/promises";
import ssh2, { type AnyAuthMethod, type KeyboardInteractiveAuthMethod, type ParsedKey, type Prompt } from "ssh2";
import { CoffreError } from "../../core/errors.js";
import type { Secret } from "../../core/secret.js";
import type { TargetLogin } from "../port.js";
import type { LoginState, NextStep } from "./connection.js";
import type { LinuxTarget } from "./schema.js";

/** How far a login with a password came. */
export interface PasswordLogin {
  next: NextStep;
  /**
   * `unasked`: the server takes no password, or asks for something else first; it wasn't sent. `sent`: no answer came yet.
   * `refused`. `accepted`: right, but another factor is wanted beside it. `must-change`: right, and a new one is wanted
   * before anything else. `more`: it asks for more before it says whether this was right.
   */
  readonly state: "unasked" | "sent" | "refused" | "accepted" | "must-change" | "more";
}

/**
 * Sends the password once, by `password` or, where that isn't taken, by `keyboard-interactive`, and nothing else.
 * @param on `leave` ends the connection: a question that isn't answered at all is no failed login; `sent` is told once the
 * password goes out
 */
export function passwordLogin(
  username: string,
  password: Secret,
  on: { leave: () => void; sent?: () => void },
): PasswordLogin {
  const login: { state: PasswordLogin["state"] } = { state: "unasked" };
  const send = () => {
    login.state = "sent";
    on.sent?.();
  };
  const next = ({ methods, partial }: LoginState): AnyAuthMethod | undefined => {
    if (login.state !== "unasked") {
      login.state = partial ? "accepted" : "refused";
      return undefined;
    }
    if (methods.includes("password")) {
      send();
      return { type: "password", username, password: password.reveal() };
    }
    if (!methods.includes("keyboard-interactive")) return undefined;
    const prompt: KeyboardInteractiveAuthMethod["prompt"] = (_name, _text, _language, prompts, finish) => {
      const [only] = prompts;
      if (login.state === "unasked" && prompts.length === 1 && only !== undefined && isPasswordPrompt(only)) {
        send();
        return finish([password.reveal()]);
      }
      // PAM asks for a new password only after it has let the old one pass; for a code it may ask whoever comes.
      if (login.state === "sent") login.state = prompts.some(isChangePrompt) ? "must-change" : "more";
      on.leave();
    };
    return { type: "keyboard-interactive", username, prompt };
  };
  return Object.assign(login, { next });
}

/** PAM's own question, in whatever language: it isn't echoed, and speaks of no new password and no code. */
function isPasswordPrompt({ prompt, echo }: Prompt): boolean {
  return echo !== true && !/\bnew\b|code|token|otp/i.test(prompt);
}

export function isChangePrompt({ prompt }: Pick<Prompt, "prompt">): boolean {
  return /\b(new|current|old)\b[^:]*password|\(current\)/i.test(prompt);
}

/** A login with keys. `tried`: one was shown, and no answer came yet that ends it. */
export interface KeyLogin {
  next: NextStep;
  readonly tried: boolean;
}

/** One try with a private key, or with the keys of an agent, in its order. */
export function keyLogin(username: string, means: Exclude<Means, { by: "password" }>): KeyLogin {
  const login = { tried: false };
  const next: NextStep = ({ methods }) => {
    if (login.tried || !methods.includes("publickey")) return undefined;
    login.tried = true;
    return means.by === "key"
      ? { type: "publickey", username, key: means.key }
      : { type: "agent", username, agent: means.socket };
  };
  return Object.assign(login, { next });
}

/** Asks what is offered, and goes no further. */
export const ONLY_ASK: NextStep = () => undefined;

/** What a login of an admin, or of the account itself, is made with. */
export type Means = { by: "password" } | { by: "key"; key: ParsedKey } | { by: "agent"; socket: string };

/** @throws CoffreError CONFIGURATION for a key file or an agent that can't be used */
export async function meansOf(target: LinuxTarget, { password, self }: TargetLogin): Promise<Means> {
  const { admin } = target;
  if (!self && admin?.keyFile !== undefined) return { by: "key", key: await readKeyFile(admin.keyFile) };
  if (!self && admin?.agent === true) return { by: "agent", socket: agentSocket() };
  if (!self && password.reveal().startsWith("-----BEGIN ")) {
    return { by: "key", key: parseKey(password.reveal(), "The admin's private key in the vault") };
  }
  return { by: "password" };
}

/** The password that sudo may ask for: none where a key logs in and no password is named beside it. */
export function sudoPassword(means: Means, { password }: TargetLogin): Secret | undefined {
  const text = password.reveal();
  return text === "" || (means.by === "key" && text.startsWith("-----BEGIN ")) ? undefined : password;
}

async function readKeyFile(path: string): Promise<ParsedKey> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new CoffreError("CONFIGURATION", `The file that admin.keyFile names, ${path}, can't be read`, {
      hint: "Check the path and who may read it.",
      details: { field: "admin.keyFile", path },
      cause: error,
    });
  }
  return parseKey(text, `admin.keyFile ${path}`);
}

function parseKey(text: string, what: string): ParsedKey {
  const key = ssh2.utils.parseKey(text);
  if (!(key instanceof Error) && key.isPrivateKey()) return key;
  // The library's words could quote the text.
  const locked = key instanceof Error && /passphrase|encrypted/i.test(key.message);
  throw new CoffreError("CONFIGURATION", `${what} ${locked ? "is locked by a passphrase" : "holds no private key"}`, {
    hint: locked ? "Load it into an agent and declare admin.agent." : "Give a private key in OpenSSH's or PEM form.",
  });
}

function agentSocket(): string {
  const socket = process.env["SSH_AUTH_SOCK"];
  if (socket !== undefined && socket !== "") return socket;
  throw new CoffreError("CONFIGURATION", "admin.agent is declared, and SSH_AUTH_SOCK names no agent", {
    hint: "Start ssh-agent where Coffre runs, or name a key with admin.keyFile.",
  });
}
