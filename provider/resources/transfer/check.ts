import { plainAddresses } from "../../core/drop-box.js";
import { CoffreError } from "../../core/errors.js";
import { checkPublicUrl } from "../../core/public-url.js";
import { Secret } from "../../core/secret.js";
import { checkTransferFacts, checkTransferPassword, DEFAULT_TRANSFER_DAYS } from "../../core/transfer.js";
import type { ResourceContext } from "../context.js";
import { type CheckResult, failureOf } from "../failures.js";
import { schemaFailures } from "../parse.js";
import { knownText } from "../people/kind.js";
import { type Properties, UNKNOWN } from "../values.js";
import { lookAtFiles } from "./files.js";
import { pickInputs, TransferInputs } from "./schema.js";

/** What can be said of a declaration by itself; what isn't known yet is nobody's fault. */
export function checkTransferOffline(news: Properties): Promise<CheckResult> {
  return checkAlone({}, news, undefined);
}

/** Finds in a preview what would be refused later; changes nothing. `olds` are empty for a resource to be created. */
export async function checkTransfer(
  context: ResourceContext,
  olds: Properties,
  news: Properties,
): Promise<CheckResult> {
  const isNew = typeof olds["ownerKey"] !== "string";
  const isTimeNew = isNew || olds["expiresAt"] !== news["expiresAt"];
  const { inputs, failures } = await checkAlone(olds, news, isTimeNew ? context.rotation.clock.now() : undefined);
  if (failures.length > 0) return { inputs, failures };
  try {
    await context.overview.identity(); // no vault, no key, the wrong one: said before anything is planned
    if (!context.vault.capabilities.dropBoxes) throw noTransfers();
    if (inputs["publicUrl"] === undefined && context.pagesOrigin === undefined) throw noPages();
    const categoryId = knownText(inputs, "categoryId");
    if (isNew && categoryId !== undefined) await context.vault.readCategory(categoryId); // NOT_FOUND, said now
  } catch (error) {
    failures.push(failureOf(error));
  }
  return { inputs, failures };
}

/** @param now against which the end is held; missing where it was accepted before, or nobody may ask the vault */
async function checkAlone(olds: Properties, news: Properties, now: Date | undefined): Promise<CheckResult> {
  const inputs = pickInputs(news);
  const failures = schemaFailures(TransferInputs, news);
  if (failures.length > 0) return { inputs, failures };
  const works: ((inputs: Record<string, unknown>) => void | Promise<void>)[] = [
    refuseContradictions,
    tidyAddresses,
    dropDefaults,
    (given) => refuseFacts(given, now),
    (given) => lookAtFiles(olds, given),
  ];
  for (const work of works) {
    try {
      await work(inputs);
    } catch (error) {
      failures.push(failureOf(error));
    }
  }
  return { inputs, failures };
}

function refuseContradictions(inputs: Record<string, unknown>): void {
  const { expiresAt, expiresAfterDays, password, generatePassword } = inputs;
  if (expiresAt !== undefined && expiresAfterDays !== undefined) throw both("expiresAt", "expiresAfterDays");
  if (password !== undefined && generatePassword === true) throw both("password", "generatePassword");
  if (expiresAt === undefined && expiresAfterDays === undefined) inputs["expiresAfterDays"] = DEFAULT_TRANSFER_DAYS;
}

/** What is the default is as if it were left out: a change would send anew. */
function dropDefaults(inputs: Record<string, unknown>): void {
  if (inputs["endToEnd"] === false) delete inputs["endToEnd"];
}

/** As the vault keeps them, so that a state says what the vault says. */
function tidyAddresses(inputs: Record<string, unknown>): void {
  const given = TransferInputs.shape.to.safeParse(inputs["to"]).data;
  if (given === undefined) return;
  const known = given.filter((address) => address !== UNKNOWN);
  const plain = plainAddresses("to", known);
  if (known.length === given.length) inputs["to"] = plain;
}

function refuseFacts(inputs: Properties, now: Date | undefined): void {
  const [from, message, expiresAt, publicUrl, password] = ["from", "message", "expiresAt", "publicUrl", "password"].map(
    (field) => knownText(inputs, field),
  );
  const { maxDownloads } = inputs;
  checkTransferFacts(
    {
      ...(from === undefined ? {} : { from }),
      ...(message === undefined ? {} : { message }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(typeof maxDownloads === "number" ? { maxDownloads } : {}),
    },
    now,
  );
  if (publicUrl !== undefined) checkPublicUrl("publicUrl", publicUrl);
  if (password !== undefined) checkTransferPassword(new Secret(password));
}

function both(one: string, other: string): CoffreError {
  return new CoffreError("INVALID_INPUT", `${one} and ${other} are both given`, {
    hint: "Leave one of them out.",
    details: { field: one },
  });
}

function noTransfers(): CoffreError {
  return new CoffreError("NOT_SUPPORTED", "This vault keeps no transfers", {
    hint: "A vault in a file, or behind `coffre serve`, does: choose it by the resource's `provider`.",
  });
}

function noPages(): CoffreError {
  return new CoffreError("INVALID_INPUT", "Where people reach `coffre serve` isn't known", {
    hint: 'Set `publicUrl: "https://vault.example.com"`: the link begins with it.',
    details: { field: "publicUrl" },
  });
}
