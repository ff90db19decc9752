import * as pulumi from "@pulumi/pulumi";
import { systemClock } from "../core/clock.js";
import { CoffreError } from "../core/errors.js";
import { formatReference, parseReference } from "../core/reference.js";
import type { CredentialProgress } from "../resources/credential/schema.js";
import { mayRead, type Settings, vaultFor } from "./program-vault.js";
import type { Provider } from "./register.js";

/** A credential as its class shows it. */
interface Shown {
  readonly id: pulumi.Output<string>;
  readonly ref: pulumi.Output<string>;
  readonly currentVersion: pulumi.Output<number | undefined>;
  readonly status: pulumi.Output<CredentialProgress>;
}

/**
 * The value in force, read in the program's own process with the configuration of the credential's provider. Unknown
 * while a change is planned. @throws CoffreError NEEDS_ATTENTION while the credential is unfinished, and what a vault throws
 */
export function readPassword(credential: Shown, provider: Provider): pulumi.Output<string> {
  const { id, ref, currentVersion, status } = credential;
  const value = pulumi
    .all([id, ref, currentVersion, status, provider.settings])
    .apply(async ([knownId, name, version, progress, settings]): Promise<string> => {
      if (progress === "unfinished") {
        throw new CoffreError("NEEDS_ATTENTION", `The password of ${name} isn't settled: a rotation is unfinished`, {
          hint: "Run `pulumi up` or `coffre resume` to finish it; `coffre attention` says if a person has to decide.",
        });
      }
      if (version === undefined) throw new CoffreError("NOT_FOUND", `Nobody has given ${name} a value yet`);
      // The SDK takes this object for "not known yet", whatever the type says.
      if (!(await mayRead(settings))) return pulumi.unknown as unknown as string;
      return readValue(settings, knownId, version);
    });
  return pulumi.secret(value);
}

/**
 * The value in force as a hash for `/etc/shadow`, equal for as long as the version is.
 * @throws as {@link readPassword}
 */
export function readPasswordHash(credential: Shown, password: pulumi.Output<string>): pulumi.Output<string> {
  const hash = pulumi
    .all([password, credential.id, credential.currentVersion])
    .apply(async ([value, id, version]): Promise<string> => {
      const { hashPassword } = await import("./password-hash.js");
      return hashPassword(value, id, version ?? 0); // a value that was read is that of a version
    });
  return pulumi.secret(hash);
}

/**
 * `coffre://<vault>/id/<id>`. In a preview the vault is asked for its name, so that the reference stays known while a
 * change of the credential is planned: otherwise everything that names it would seem to change too.
 */
export function readIdReference(credential: Shown, provider: Provider): pulumi.Output<string> {
  const { id, ref } = credential;
  const fromState = pulumi.all([id, ref]).apply(([known, name]) => byId(parseReference(name).vault, known));
  if (!pulumi.runtime.isDryRun()) return fromState;
  const settings = pulumi.unsecret(provider.settings);
  const mayAsk = settings.apply(mayRead);
  return mayAsk.apply((asked) =>
    asked
      ? pulumi.all([id, settings]).apply(async ([known, chosen]) => byId(await vaultName(chosen), known))
      : fromState,
  );
}

/** The user name that goes with the version in force, as the vault says; unknown where a preview may ask nothing of it. */
export function readLogin(
  { id, currentVersion }: Pick<Shown, "id" | "currentVersion">,
  provider: Provider,
): pulumi.Output<string | undefined> {
  const settings = pulumi.unsecret(provider.settings);
  return pulumi
    .all([id, currentVersion, settings])
    .apply(async ([known, version, chosen]): Promise<string | undefined> => {
      // The SDK takes this object for "not known yet", whatever the type says.
      if (!(await mayRead(chosen))) return pulumi.unknown as unknown as undefined;
      const [vault, { usernameOf }] = await Promise.all([vaultFor(chosen), import("../vault/port.js")]);
      return usernameOf(await vault.readCredential(known), version);
    });
}

/** Since when a rotation is due, as the vault says now; unknown where a preview may ask nothing of it. */
export function readDueSince({ id }: Pick<Shown, "id">, provider: Provider): pulumi.Output<string | undefined> {
  const settings = pulumi.unsecret(provider.settings);
  return pulumi.all([id, settings]).apply(async ([known, chosen]): Promise<string | undefined> => {
    // The SDK takes this object for "not known yet", whatever the type says.
    if (!(await mayRead(chosen))) return pulumi.unknown as unknown as undefined;
    const [vault, { dueSince }] = await Promise.all([vaultFor(chosen), import("../rotation/due.js")]);
    return dueSince(await vault.readCredential(known), systemClock.now());
  });
}

function byId(vault: string, id: string): string {
  return formatReference({ vault, by: "id", id });
}

async function vaultName(settings: Settings): Promise<string> {
  return (await (await vaultFor(settings)).identity()).name;
}

async function readValue(settings: Settings, id: string, version: number): Promise<string> {
  const [answer] = await (await vaultFor(settings)).readMany([{ id, version }]);
  if (answer instanceof Error) throw answer;
  if (answer?.version !== version) {
    throw new CoffreError("BAD_RESPONSE", `The vault didn't answer version ${version} of ${id}`);
  }
  return answer.value.reveal();
}
