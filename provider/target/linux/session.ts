import type { Secret } from "../../core/secret.js";
import type { Look, SetResult, TargetLogin, TargetSession, TargetSpec } from "../port.js";
import { CoffreError } from "../../core/errors.js";
import { formatAddress } from "../common/address.js";
import { within } from "../common/connection.js";
import { Connection, SshError } from "./connection.js";
import { Refusal, toCoffreError } from "./errors.js";
import { readFacts } from "./facts.js";
import { type Trust, trustFor } from "./host-key.js";
import { keyLogin, meansOf, type Means, type PasswordLogin, passwordLogin, sudoPassword } from "./login.js";
import { judgeFacts } from "./look.js";
import { changeAtLogin, changeByPasswd, lookAtOwn, OWN_NOTE } from "./own-password.js";
import { RootShell } from "./power.js";
import { assertOffered, assertProvable } from "./provable.js";
import { removeAccount } from "./remove.js";
import { LinuxTarget } from "./schema.js";
import { setPassword } from "./set.js";

/** Connects and logs in: by key, by agent, or by a password that is sent once. @throws as the port promises */
export async function openSession(spec: TargetSpec, login: TargetLogin, signal?: AbortSignal): Promise<TargetSession> {
  const target = LinuxTarget.parse(spec.description);
  const [means, trust] = await Promise.all([meansOf(target, login), trustFor(spec, target)]);
  const connection = new Connection();
  const password = passwordLogin(login.username, login.password, { leave: () => connection.giveUp("aborted") });
  const keys = means.by === "password" ? undefined : keyLogin(login.username, means);
  let mustChange = false;
  try {
    await within(connection, { limitMs: spec.limits.connectMs, signal }, async () => {
      const end = await connection.open(spec.address, login.username, trust, (keys ?? password).next);
      if (end === "stopped") throw refused(spec, login, means, password, connection.offered);
    });
  } catch (error) {
    connection.close();
    mustChange = password.state === "must-change" && login.self;
    if (!mustChange) {
      const unanswered =
        error instanceof SshError && (keys?.tried ?? (password.state === "sent" || password.state === "more"));
      if (unanswered && error.failure === "too-many") throw refused(spec, login, means, password, connection.offered);
      const occasion = { address: spec.address, username: login.username, unanswered };
      throw toCoffreError(explainMore(error, password), { ...occasion, accepted: password.state === "must-change" });
    }
  }
  const root = new RootShell(connection, login.username, login.self ? undefined : sudoPassword(means, login));
  const passwordTaken = !mustChange && password.state === "sent"; // a login without a question would have sent none
  return new LinuxSession({ connection, root, login, address: spec.address, mustChange, passwordTaken });
}

function explainMore(error: unknown, { state }: PasswordLogin): unknown {
  if (state === "must-change") {
    return new Refusal(
      "TARGET_NOT_READY",
      "it must change its own password before it may do anything",
      "Log in as it once, and change it.",
    );
  }
  if (state !== "more") return error;
  return new Refusal(
    "TARGET_NOT_READY",
    "it is asked for more than a password",
    "Log in by a key: admin.keyFile or admin.agent.",
  );
}

function refused(
  { address }: TargetSpec,
  { username }: TargetLogin,
  means: Means,
  password: PasswordLogin,
  offered: readonly string[],
): CoffreError {
  const details = { host: address.host, port: address.port, username };
  const where = formatAddress(address);
  const wanted = means.by === "password" ? ["password", "keyboard-interactive"] : ["publickey"];
  if (!offered.some((method) => wanted.includes(method))) {
    const what = means.by === "password" ? "passwords" : "keys";
    return new CoffreError(
      "TARGET_NOT_READY",
      `SSH at ${where} takes no ${what} of "${username}" (only ${offered.join(", ") || "nothing"})`,
      {
        hint:
          means.by === "password"
            ? "Log in by a key: admin.keyFile or admin.agent."
            : "Log in by a password, or allow keys there.",
        details,
      },
    );
  }
  if (means.by === "password" && password.state === "accepted") {
    return new CoffreError(
      "TARGET_NOT_READY",
      `SSH at ${where} wants another factor of "${username}" beside its password`,
      {
        hint: "Log in by a key: admin.keyFile or admin.agent.",
        details: { ...details, accepted: true },
      },
    );
  }
  const what = means.by === "password" ? "password" : means.by === "key" ? "key" : "agent's keys";
  return new CoffreError("LOGIN_REFUSED", `SSH at ${where} refused the ${what} of account "${username}"`, {
    hint: "Another one works there, or the account may not log in.",
    details,
  });
}

interface Opened {
  connection: Connection;
  root: RootShell;
  login: TargetLogin;
  address: TargetSpec["address"];
  /** The login's own dialogue wants a new password first: the connection is over, and the set makes another. */
  mustChange: boolean;
  /** The server has taken the login's password: it is in force. */
  passwordTaken: boolean;
}

/** One logged-in connection that serves one call after another. */
class LinuxSession implements TargetSession {
  readonly #opened: Opened;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(opened: Opened) {
    this.#opened = opened;
  }

  get usable(): boolean {
    return this.#opened.mustChange || this.#opened.connection.usable;
  }

  get pin(): string | undefined {
    const { shown } = this.#opened.connection;
    return shown && `${shown.type} ${shown.fingerprint}`;
  }

  async look(spec: TargetSpec): Promise<Look> {
    const { target, trust } = await this.#prepare(spec);
    if (this.#opened.mustChange) return this.#forced();
    const exists = target.account?.create !== true;
    // Both at once where the account is to exist: a look costs the slower of the two. What root sees says more, so its error
    // goes first.
    const early = exists ? this.#askProvable(spec, trust) : undefined;
    early?.catch(() => {});
    const look = await this.#inTurn(spec.limits.connectMs, () => this.#lookInside(spec, target));
    if (look.accountExists) await (early ?? this.#askProvable(spec, trust));
    else if (spec.verifyAddresses.length > 0) assertOffered(spec, this.#opened.connection.offered);
    return look;
  }

  async set(spec: TargetSpec, password: Secret): Promise<SetResult> {
    const { target, trust } = await this.#prepare(spec);
    const change = { before: this.#opened.login.password, after: password };
    if (this.#opened.mustChange) return changeAtLogin(spec, trust, change);
    const { connection, root, login, passwordTaken } = this.#opened;
    // A set whose answer was lost did happen; and passwd takes no password that is in force already.
    const isInForce = login.self && passwordTaken && login.password.reveal() === password.reveal();
    if (isInForce) return { result: "set", accountMade: false };
    try {
      return await this.#inTurn(spec.limits.setMs, async (leftMs) => {
        // What the machine gives itself is a share of what is left, so that nothing outlasts the call there.
        const inTime = { ...spec, limits: { ...spec.limits, setMs: leftMs } };
        if (login.self && root.power === undefined) await this.#lookInside(spec, target);
        if (login.self && (root.power === "none" || root.power === "forced")) {
          return changeByPasswd(connection, inTime, change, { forced: root.power === "forced" });
        }
        return setPassword(root, inTime, target, password);
      });
    } catch (error) {
      // Only while it waited for its turn can it fail so: nothing was sent.
      if (error instanceof CoffreError && error.code === "UNREACHABLE")
        return { result: "refused", reason: error.problem };
      throw error;
    }
  }

  async remove(spec: TargetSpec, how: "disable" | "drop"): Promise<void> {
    await this.#prepare(spec);
    await this.#inTurn(spec.limits.setMs, () => removeAccount(this.#opened.root, spec, how));
  }

  async close(): Promise<void> {
    await this.#queue;
    this.#opened.connection.close();
  }

  /** A connection that serves several specs is believed for each by its own rules. @throws CoffreError HOST_KEY_NOT_TRUSTED */
  async #prepare(spec: TargetSpec): Promise<{ target: LinuxTarget; trust: Trust }> {
    const target = LinuxTarget.parse(spec.description);
    const trust = await trustFor(spec, target);
    const { shown } = this.#opened.connection;
    const verdict = shown && trust.judge(shown);
    if (verdict?.trusted === false) {
      throw toCoffreError(new SshError("other-key", verdict.why), { address: spec.address, username: spec.username });
    }
    return { target, trust };
  }

  async #askProvable(spec: TargetSpec, trust: Trust): Promise<void> {
    if (spec.verifyAddresses.length > 0) await assertProvable(spec, trust);
  }

  async #lookInside(spec: TargetSpec, target: LinuxTarget): Promise<Look> {
    const { root, login, connection } = this.#opened;
    try {
      return judgeFacts(spec, target, await readFacts(root, spec, target));
    } catch (error) {
      if (!login.self || !(error instanceof Refusal)) throw error;
      return root.power === "forced" ? this.#forced() : lookAtOwn(connection, spec);
    }
  }

  #forced(): Look {
    return {
      accountExists: true,
      notes: ["The account must change its password at its next login, which the set does.", OWN_NOTE],
    };
  }

  /** Runs `work` after the calls before it. The time in the queue counts, so that no call outlasts its limit. */
  #inTurn<T>(limitMs: number, work: (leftMs: number) => Promise<T>): Promise<T> {
    const latest = performance.now() + limitMs;
    const { connection, address, login } = this.#opened;
    const turn = this.#queue.then(async () => {
      const leftMs = latest - performance.now();
      try {
        if (leftMs <= 0) throw new SshError("silent", "other calls on the same connection took all its time");
        return await within(connection, { limitMs: leftMs }, () => work(leftMs));
      } catch (error) {
        throw toCoffreError(error, { address, username: login.username });
      }
    });
    this.#queue = turn.catch(() => {});
    return turn;
  }
}
