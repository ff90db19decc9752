import ssh2, { type AnyAuthMethod, type AuthenticationType, type Client } from "ssh2";
import { ConnectionError, givenUp } from "../common/connection.js";
import type { TargetAddress } from "../port.js";
import { type ShownKey, shownKey, type Trust } from "./host-key.js";

/** OpenSSH's words at the end of a connection that has used up its MaxAuthTries. */
const TOO_MANY = /too many authentication failures/i;
const KEEP_ALIVE_MS = 20_000;
/** A shell that is stopped answers no keep-alive either; calls have limits of their own, which are shorter. */
const KEEP_ALIVES_MISSED = 3;

/**
 * An SSH connection that failed. `not-ssh`: something else answers there, or something that has no algorithm in common.
 * `too-many`: it hung up after refused logins, which is its answer to the last one. `unknown-key`, `other-key`: the host key.
 */
export class SshError extends ConnectionError<"too-many" | "not-ssh" | "unknown-key" | "other-key"> {
  override readonly name = "SshError";
}

/** What the server says to one step of a login. */
export interface LoginState {
  /** What may come next, in SSH's words: `password`, `keyboard-interactive`, `publickey`. */
  methods: readonly string[];
  /** True if the last step was right, and another is wanted beside it. */
  partial: boolean;
}

/** Answers how to go on with a login; `undefined`: no further. The first answer is to the refusal of no credentials at all. */
export type NextStep = (state: LoginState) => AnyAuthMethod | undefined;

/** `in`: logged in. `stopped`: {@link NextStep} went no further. */
export type LoginEnd = "in" | "stopped";

/** One SSH connection: its handshake, its login, and the reason once it is broken. */
export class Connection {
  /** `ssh2`'s own, for commands. */
  readonly client: Client = new ssh2.Client();
  /** What the server showed of itself. */
  shown: ShownKey | undefined;
  /** Methods that it offered to somebody without credentials. */
  offered: readonly string[] = [];
  /** What it said before the login was over. */
  banner = "";
  #phase: "tcp" | "handshake" | "login" | "in" = "tcp";
  #failure: SshError | undefined;
  readonly #waiting = new Set<(error: SshError) => void>();

  /**
   * Connects, checks the host key, asks without credentials, and then does what `next` says.
   * @throws SshError
   */
  async open(address: TargetAddress, username: string, trust: Trust, next: NextStep): Promise<LoginEnd> {
    if (this.#failure) throw this.#failure;
    const { client } = this;
    let ended: ((end: LoginEnd) => void) | undefined;
    client.on("banner", (text) => (this.banner += text));
    client.on("connect", () => (this.#phase = "handshake"));
    client.on("handshake", () => (this.#phase = "login"));
    client.on("ready", () => {
      this.#phase = "in";
      ended?.("in");
    });
    client.on("error", (error: Error & { level?: string; code?: string }) => {
      // The library's word for "no further", which is ours: the connection ends with it.
      if (error.level === "client-authentication") ended?.("stopped");
      this.#fail(this.#describe(error));
    });
    client.on("close", () => this.#fail(this.#describe(undefined)));
    return this.wait((resolve) => {
      ended = resolve;
      client.connect({
        host: address.host,
        port: address.port,
        username,
        readyTimeout: 0,
        keepaliveInterval: KEEP_ALIVE_MS,
        keepaliveCountMax: KEEP_ALIVES_MISSED,
        hostVerifier: (blob: Buffer) => this.#verifyHost(blob, trust),
        ...(trust.algorithms === undefined ? {} : { algorithms: { serverHostKey: trust.algorithms as never } }), // names that the type lists one by one
        authHandler: (methods: AuthenticationType[] | null, partial: boolean, proceed: (step: never) => void) => {
          const step = methods === null ? { type: "none" as const, username } : this.#nextStep(methods, partial, next);
          proceed((step ?? false) as never); // the type doesn't know that false ends it
        },
      });
      // Each step of a login is a small packet or two: where the second waits for the other side's acknowledgement, it waits 40 ms.
      client.setNoDelay(true);
    });
  }

  /** False once it is broken or closed. */
  get usable(): boolean {
    return this.#failure === undefined;
  }

  /** The reason why it isn't usable. */
  get failure(): SshError | undefined {
    return this.#failure;
  }

  /** Waits for what `listen` hands on, or for the failure that comes instead. @throws SshError */
  wait<T>(listen: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      const fail = (error: Error) => {
        this.#waiting.delete(fail);
        reject(error);
      };
      this.#waiting.add(fail);
      const done = (value: T) => {
        this.#waiting.delete(fail);
        resolve(value);
      };
      listen(done, fail);
    });
  }

  /** Breaks the connection at once; what waits fails with the reason. */
  giveUp(why: "silent" | "aborted"): void {
    this.#fail(new SshError(...givenUp(why, this.#phase === "tcp")));
  }

  /** Ends it in good manners. */
  close(): void {
    this.#failure ??= new SshError("lost", "the connection was closed");
    this.client.end();
    const socket = (this.client as { _sock?: { unref?: () => void } })._sock; // no word of the library ends the wait for it
    socket?.unref?.();
  }

  #nextStep(methods: readonly string[], partial: boolean, next: NextStep): AnyAuthMethod | undefined {
    if (this.offered.length === 0) this.offered = [...methods];
    return next({ methods, partial });
  }

  #verifyHost(blob: Buffer, trust: Trust): boolean {
    this.shown = shownKey(blob);
    const verdict = trust.judge(this.shown);
    if (!verdict.trusted) this.#fail(new SshError(verdict.known ? "other-key" : "unknown-key", verdict.why));
    return verdict.trusted;
  }

  #describe(error: (Error & { level?: string; code?: string }) | undefined): SshError {
    const code = typeof error?.code === "string" ? error.code : "";
    if (this.#phase === "tcp") return new SshError("not-up", `no connection came about (${code || "closed"})`);
    const isNetwork =
      error === undefined || error.level === "client-socket" || /lost before handshake/.test(error.message);
    if (this.#phase === "handshake") {
      if (isNetwork) return new SshError("not-up", "it took the connection and ended it before the handshake");
      return new SshError("not-ssh", `the handshake failed: ${error.message}`);
    }
    if (this.#phase === "login" && error !== undefined && TOO_MANY.test(error.message)) {
      return new SshError("too-many", "it hung up: too many authentication failures");
    }
    return new SshError("lost", "the connection broke");
  }

  #fail(error: SshError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    for (const reject of this.#waiting) reject(error);
    this.#waiting.clear();
    this.client.destroy();
  }
}
