import { readFileSync } from "node:fs";
import * as z from "zod";
import { CoffreError } from "../../core/errors.js";
import { Secret } from "../../core/secret.js";
import { TokenRefused } from "./failures.js";
import type { Message, Server } from "./server.js";

/** How Coffre logs in to the server. `mount` is the auth method's path, by default its own name. */
export type LoginMethod =
  | { by: "token" }
  | { by: "approle"; mount: string; roleId: string }
  | { by: "kubernetes"; mount: string; role: string }
  | { by: "jwt"; mount: string; role: string };

export interface LoginOptions {
  method: LoginMethod;
  /**
   * The token, the AppRole's secret id, or the JWT; asked for at each login, so that a file that was renewed meanwhile is
   * read again. Missing with `kubernetes`: the pod's own.
   */
  secret: (() => Secret) | undefined;
}

/** Where Kubernetes puts a pod's own token; everybody in the pod may read it. */
const POD_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token";
/** A token is renewed once this part of its life is over. */
const RENEW_AFTER = 2 / 3;
const LEAST_GAIN_MS = 250;
/** How long a token that was given lives is asked once it was used for so long: what has ended before asks once less. */
const LOOK_AFTER_MS = 3_000;
const LAST_SECOND = 0.1;

const Auth = z.object({
  auth: z.object({
    client_token: z.string().min(1),
    lease_duration: z.number(),
    renewable: z.boolean(),
  }),
});
const Looked = z.object({
  data: z.object({ ttl: z.number(), expire_time: z.string().nullish(), renewable: z.boolean().optional() }),
});

interface Held {
  token: Secret;
  /** `performance.now()` when it wants to be renewed; never for one that doesn't expire. */
  renewAtMs: number;
  /** The same for its end. */
  endsAtMs: number;
  renewable: boolean;
  /** False while nobody has asked how long it lives. */
  isKnown: boolean;
}

/** The token of one process: fetched, renewed before it expires, and fetched again once it was refused. */
export class Login {
  readonly #server: Server;
  readonly #options: LoginOptions;
  #held: Promise<Held> | undefined;

  constructor(server: Server, options: LoginOptions) {
    this.#server = server;
    this.#options = options;
  }

  /** @throws CoffreError CONFIGURATION without a secret; FORBIDDEN if the server refuses it; UNREACHABLE */
  async token(): Promise<Secret> {
    for (;;) {
      const holding = this.#hold();
      const held = await holding;
      if (performance.now() < held.renewAtMs) return held.token;
      // Whoever comes first asks, for all.
      if (this.#held === holding) void this.#holdNow(this.#prolong(held));
    }
  }

  /** Sends something with the token; once more with another one, if the token was worth nothing any more. */
  async use<T>(send: (token: Secret) => Promise<T>): Promise<T> {
    const token = await this.token();
    try {
      return await send(token);
    } catch (error) {
      if (!(error instanceof CoffreError) || error.code !== "FORBIDDEN") throw error;
      const another = await this.#replace(token);
      if (!another) throw error;
      return send(another);
    }
  }

  async #prolong(held: Held): Promise<Held> {
    if (!held.isKnown) return this.#look(held.token);
    const renewed = held.renewable ? await this.#renew(held) : undefined;
    if (renewed) return renewed;
    // It can't be renewed any more. One that was given is used to its end; any other login is made anew.
    return this.#options.method.by === "token" ? { ...held, renewAtMs: Infinity } : this.#logIn();
  }

  /**
   * After a 403: another token if this one is worth nothing any more.
   * @returns `undefined` if the token is good, so that the 403 is about the path
   * @throws CoffreError FORBIDDEN if it has expired and there is no other
   */
  async #replace(refused: Secret): Promise<Secret | undefined> {
    if (await this.#isGood(refused)) return undefined;
    const held = await this.#held?.catch(() => undefined);
    if (held?.token.reveal() === refused.reveal()) this.#held = undefined;
    const token = await this.token();
    if (token.reveal() !== refused.reveal()) return token;
    throw new TokenRefused({ origin: this.#server.origin });
  }

  #hold(): Promise<Held> {
    if (this.#held) return this.#held;
    return this.#holdNow(this.#logIn());
  }

  #holdNow(holding: Promise<Held>): Promise<Held> {
    this.#held = holding;
    holding.catch(() => {
      if (this.#held === holding) this.#held = undefined;
    });
    return holding;
  }

  async #logIn(): Promise<Held> {
    const { method } = this.#options;
    if (method.by === "token") {
      const token = this.#secret();
      return {
        token,
        renewAtMs: performance.now() + LOOK_AFTER_MS,
        endsAtMs: Infinity,
        renewable: false,
        isKnown: false,
      };
    }
    const secret = method.by === "kubernetes" && !this.#options.secret ? podToken() : this.#secret();
    const body =
      method.by === "approle"
        ? { role_id: method.roleId, secret_id: secret.reveal() }
        : { role: method.role, jwt: secret.reveal() };
    const message: Message = { method: "POST", path: `auth/${encodePath(method.mount)}/login`, body };
    const { auth } = await this.#server.call(message, Auth).catch((error: unknown) => {
      const refused = error instanceof CoffreError && ["FORBIDDEN", "BAD_RESPONSE", "NOT_FOUND"].includes(error.code);
      if (!refused) throw error;
      throw new CoffreError("FORBIDDEN", `${this.#server.origin} refused the login by ${method.by}`, {
        hint: `Check auth, authMount, role or roleId in coffre:url, and the secret (COFFRE_TOKEN_FILE or COFFRE_TOKEN). The login was sent to auth/${method.mount}/login.`,
        cause: error,
      });
    });
    return heldBy(new Secret(auth.client_token), auth.lease_duration, auth.renewable);
  }

  /** The server knows how long a token lives that was given; one that can't be asked is used as it is. */
  async #look(token: Secret): Promise<Held> {
    try {
      const { data } = await this.#server.call({ method: "GET", path: "auth/token/lookup-self", token }, Looked);
      // Whole seconds: 0 is also the last one of a token that ends.
      const seconds = data.ttl === 0 && typeof data.expire_time === "string" ? LAST_SECOND : data.ttl;
      return heldBy(token, seconds, data.renewable === true);
    } catch (error) {
      if (!(error instanceof CoffreError) || error.code !== "FORBIDDEN") throw error;
      return heldBy(token, 0, false);
    }
  }

  async #renew({ token, endsAtMs }: Held): Promise<Held | undefined> {
    const message: Message = { method: "POST", path: "auth/token/renew-self", token, body: {} };
    try {
      const { auth } = await this.#server.call(message, Auth);
      const renewed = heldBy(token, auth.lease_duration, auth.renewable);
      // At the end of its longest life a renewal gives nothing more.
      return renewed.endsAtMs > endsAtMs + LEAST_GAIN_MS ? renewed : undefined;
    } catch {
      return undefined;
    }
  }

  async #isGood(token: Secret): Promise<boolean> {
    try {
      await this.#server.call({ method: "GET", path: "auth/token/lookup-self", token }, Looked);
      return true;
    } catch (error) {
      if (error instanceof CoffreError && error.code === "FORBIDDEN") return false;
      throw error;
    }
  }

  #secret(): Secret {
    const { secret, method } = this.#options;
    if (secret) return secret();
    const what = { token: "token", approle: "secret id", jwt: "JWT", kubernetes: "token" }[method.by];
    throw new CoffreError("CONFIGURATION", `No ${what} for ${this.#server.origin} is configured`, {
      hint: "Set COFFRE_TOKEN_FILE or COFFRE_TOKEN: it holds what the login needs, a token, a secret id or a JWT.",
    });
  }
}

function heldBy(token: Secret, seconds: number, renewable: boolean): Held {
  if (seconds === 0) return { token, renewAtMs: Infinity, endsAtMs: Infinity, renewable, isKnown: true };
  const now = performance.now();
  const lifeMs = seconds * 1000;
  return { token, renewAtMs: now + lifeMs * RENEW_AFTER, endsAtMs: now + lifeMs, renewable, isKnown: true };
}

function podToken(): Secret {
  try {
    return new Secret(readFileSync(POD_TOKEN, "utf8").trim());
  } catch (error) {
    throw new CoffreError("CONFIGURATION", `There is no ${POD_TOKEN}: this is no pod, or it mounts no token`, {
      hint: "Set COFFRE_TOKEN_FILE to the service account's token, or log in by another method.",
      cause: error,
    });
  }
}

/** A path of names with slashes between them, as it stands in a URL. */
export function encodePath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}
