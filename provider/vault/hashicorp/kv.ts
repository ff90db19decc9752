import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import { CoffreError, type ErrorCode, isCoffreError } from "../../core/errors.js";
import type { DocumentStorage, Kept } from "../documents/storage.js";
import { CasConflict, TokenRefused } from "./failures.js";
import { encodePath, type Login } from "./login.js";
import type { Message, Server } from "./server.js";

/** Of one document, as Vault and OpenBao limit an entry of their storage by default: 1 MiB, with room for its envelope. */
export const LARGEST_DOCUMENT_BYTES = 1_048_576 - 8_192;

/** Earlier values that a path must keep at least: the one before, and one for a write by another's hand. */
const LEAST_VERSIONS = 3;

/** What a question about a KV version 2 engine's settings may come to where there is none. */
const MEANS_ANOTHER: readonly ErrorCode[] = ["FORBIDDEN", "NOT_FOUND", "NOT_SUPPORTED", "BAD_RESPONSE"];

const Anything = z.unknown();
const Mount = z.object({ data: z.object({ type: z.string(), path: z.string(), options: Options() }) });
const Config = z.object({ data: Limits().extend({ cas_required: z.boolean() }) });
const Read = z.object({
  data: z.object({ data: z.record(z.string(), z.unknown()).nullable(), metadata: z.object({ version: z.int() }) }),
});
const Written = z.object({ data: z.object({ version: z.int() }) });
const Listed = z.object({ data: z.object({ keys: z.array(z.string()) }) });
const Metadata = z.object({
  data: Limits().extend({
    current_version: z.int(),
    custom_metadata: z.record(z.string(), z.string()).nullish(),
  }),
});

function Options() {
  return z.object({ version: z.string().optional() }).nullish();
}

function Limits() {
  return z.object({ max_versions: z.int(), delete_version_after: z.string().optional() });
}

export interface KeptMetadata {
  version: number;
  custom: Record<string, string>;
}

/** One mount of a KV version 2 engine. Paths are lists of names from the mount down; what is in them is encoded here. */
export class Kv implements DocumentStorage {
  readonly largestBytes = LARGEST_DOCUMENT_BYTES;
  readonly #server: Server;
  readonly #login: Login;
  readonly #mount: string;

  constructor(server: Server, login: Login, mount: string) {
    this.#server = server;
    this.#login = login;
    this.#mount = encodePath(mount);
  }

  /** For messages: the path as a policy would name it. */
  pathText(path: readonly string[]): string {
    return `${decodeURIComponent(this.#mount)}/data/${path.join("/")}`;
  }

  /**
   * Refuses a mount that would lose what is written to it. Only a KV version 2 engine answers what this asks, so the engine
   * itself is asked about only where the answer is another.
   * @throws CoffreError NOT_SUPPORTED for what isn't a KV version 2 engine; CONFIGURATION for what it is set to; FORBIDDEN
   */
  async checkMount(): Promise<void> {
    await this.#login.token(); // a login that is refused is another matter than a mount that isn't seen
    const message: Message = { method: "GET", path: `${this.#mount}/config` };
    const { data } = await this.#call(message, Config).catch(async (error: unknown) => {
      if (error instanceof CoffreError && !(error instanceof TokenRefused) && MEANS_ANOTHER.includes(error.code)) {
        await this.checkEngine();
      }
      throw error;
    });
    this.#checkLimits(data, `The mount ${decodeURIComponent(this.#mount)}`);
  }

  /** Refuses what isn't a KV version 2 engine, or isn't mounted just there. @throws CoffreError NOT_SUPPORTED, VAULT_MISSING, FORBIDDEN */
  async checkEngine(): Promise<void> {
    const name = decodeURIComponent(this.#mount);
    const { data } = await this.#call({ method: "GET", path: `sys/internal/ui/mounts/${this.#mount}` }, Mount).catch(
      (error: unknown) => {
        // Never NOT_FOUND, which would mean that what is asked for is gone.
        if (isCoffreError(error, "NOT_FOUND")) throw this.#nowhere();
        if (!isCoffreError(error, "FORBIDDEN") || error instanceof TokenRefused) throw error;
        throw new CoffreError("FORBIDDEN", `There is no mount ${name} at ${this.#server.origin} that the login sees`, {
          hint: "Check the mount in coffre:url, and that the login's policy names paths in it: `coffre vault policies`.",
          details: { mount: name },
        });
      },
    );
    if (`${name}/` !== data.path || data.type !== "kv" || data.options?.version !== "2") {
      const kind = data.type === "kv" ? `a KV version ${data.options?.version ?? "1"}` : `a ${data.type}`;
      throw new CoffreError("NOT_SUPPORTED", `The mount ${data.path} at ${this.#server.origin} is ${kind} engine`, {
        hint: "Coffre needs versions and check-and-set: name a mount of a KV version 2 engine (`secrets enable -version=2 kv`).",
      });
    }
  }

  #nowhere(): CoffreError {
    const { origin, namespace } = this.#server;
    const what = namespace === undefined ? `mount ${decodeURIComponent(this.#mount)}` : `namespace ${namespace}`;
    return new CoffreError("VAULT_MISSING", `There is no ${what} at ${origin}`, {
      hint: "Check mount and namespace in coffre:url.",
    });
  }

  /**
   * @param version one that the engine still has. Default: the newest
   * @throws CoffreError FORBIDDEN, UNREACHABLE, BAD_RESPONSE; so do all below
   */
  async read(path: readonly string[], version?: number): Promise<Kept> {
    const which = version === undefined ? "" : `?version=${version}`;
    const message: Message = { method: "GET", path: `${this.#path("data", path)}${which}` };
    const { data } = await this.#call(message, Read, (body) => {
      // One whose newest version was deleted answers 404 with its number.
      const deleted = Read.safeParse(body).data;
      return deleted ?? { data: { data: null, metadata: { version: 0 } } };
    });
    return { version: data.metadata.version, data: data.data ?? undefined };
  }

  /**
   * Writes if the path is still at the version `cas`; 0 means that nothing was ever written there. A reply that is lost is
   * looked for: what stands there as the next version decides, also if others have gone on from it.
   * @returns the new version. @throws CasConflict; CoffreError
   */
  async write(path: readonly string[], data: Record<string, unknown>, cas: number): Promise<number> {
    const message: Message = {
      method: "POST",
      path: this.#path("data", path),
      body: { options: { cas }, data },
    };
    try {
      return (await this.#call(message, Written)).data.version;
    } catch (error) {
      if (!isCoffreError(error, "UNREACHABLE")) throw error;
    }
    const isDone = async () =>
      isDeepStrictEqual((await this.read(path, cas + 1)).data, JSON.parse(JSON.stringify(data)));
    if (await isDone()) return cas + 1;
    try {
      return (await this.#call(message, Written)).data.version;
    } catch (error) {
      // The first may have come late: then it is our own write that stands in the way of the second.
      if (error instanceof CasConflict && (await isDone())) return cas + 1;
      throw error;
    }
  }

  /**
   * Changes keys of what stands there: `null` removes one.
   * @returns the new version; `undefined` if nothing stands there. @throws CasConflict; CoffreError
   */
  async patch(path: readonly string[], delta: Record<string, unknown>, cas: number): Promise<number | undefined> {
    const message: Message = {
      method: "PATCH",
      path: this.#path("data", path),
      body: { options: { cas }, data: delta },
    };
    try {
      return (await this.#call(message, Written.nullable(), () => null))?.data.version;
    } catch (error) {
      if (!(error instanceof CoffreError) || error.code !== "UNREACHABLE") throw error;
      const { version, data } = await this.read(path);
      const applied =
        data !== undefined && Object.entries(delta).every(([key, value]) => (data[key] ?? null) === value);
      if (applied && version === cas + 1) return version;
      if (version !== cas) throw new CasConflict();
      return (await this.#call(message, Written.nullable(), () => null))?.data.version;
    }
  }

  /** @throws CoffreError CONFIGURATION if the path keeps too few versions, or deletes them by itself */
  async readMetadata(path: readonly string[]): Promise<KeptMetadata | undefined> {
    const message: Message = { method: "GET", path: this.#path("metadata", path) };
    const answer = await this.#call(message, Metadata.nullable(), () => null);
    if (!answer) return undefined;
    this.#checkLimits(answer.data, `The path ${this.pathText(path)}`);
    return { version: answer.data.current_version, custom: answer.data.custom_metadata ?? {} };
  }

  async writeMetadata(path: readonly string[], custom: Record<string, string>): Promise<void> {
    const message: Message = {
      method: "POST",
      path: this.#path("metadata", path),
      body: { custom_metadata: custom },
    };
    await this.#call(message, Anything);
  }

  /** Removes the path with all its versions; one that is gone is a success. */
  async remove(path: readonly string[]): Promise<void> {
    await this.#call({ method: "DELETE", path: this.#path("metadata", path) }, Anything, () => undefined);
  }

  /** Hides exactly this version, which can be brought back; a newer one of somebody else's stays in sight. */
  async removeVersion(path: readonly string[], version: number): Promise<void> {
    await this.#call({ method: "POST", path: this.#path("delete", path), body: { versions: [version] } }, Anything);
  }

  /** The names below a path; those of folders end with a slash. */
  async list(path: readonly string[]): Promise<string[]> {
    const message: Message = { method: "LIST", path: `${this.#path("metadata", path)}/` };
    return (await this.#call(message, Listed, () => ({ data: { keys: [] } }))).data.keys;
  }

  #path(kind: "data" | "metadata" | "delete", path: readonly string[]): string {
    return [this.#mount, kind, ...path.map(encodeURIComponent)].join("/");
  }

  #checkLimits({ max_versions: most, delete_version_after: after }: z.infer<ReturnType<typeof Limits>>, what: string) {
    // 0 is the server's default, ten.
    if (most > 0 && most < LEAST_VERSIONS) {
      throw new CoffreError("CONFIGURATION", `${what} keeps ${most} versions, fewer than ${LEAST_VERSIONS}`, {
        hint: `Set max_versions to ${LEAST_VERSIONS} or more, or to 0 for the server's default.`,
      });
    }
    if (after !== undefined && !/^0?s?$/.test(after)) {
      throw new CoffreError("CONFIGURATION", `${what} deletes versions by itself after ${after}`, {
        hint: "Set delete_version_after to 0s: a password must not vanish because nobody changed it.",
      });
    }
  }

  async #call<T>(message: Message, schema: z.ZodType<T>, absent?: (body: unknown) => T): Promise<T> {
    const server = this.#server;
    return this.#login.use((token) => {
      const sent = { ...message, token };
      return absent ? server.call(sent, schema, absent) : server.call(sent, schema);
    });
  }
}
