import { CoffreError } from "./errors.js";
import { isCredentialId } from "./id.js";
import { checkVaultName, describeNameProblem } from "./name.js";

// The rules of names and of references are one subject for those who import them.
export { checkName, checkVaultName } from "./name.js";

/** Which version of a value is meant: a state's name, or a version's number from 1. */
export type ReferenceVersion = "current" | "previous" | "pending" | number;

interface ReferenceParts {
  /** The vault's own name, chosen at `coffre vault init`. */
  vault: string;
  /** Default: the generated password. */
  field?: string;
  /** Default: the current one. */
  version?: ReferenceVersion;
}

/** The name of a value: by path, for people and Git, or by id, which survives renames and moves. Never the value itself. */
export type Reference =
  /** `path`: names of the categories from the root down and, last, of the credential; in Unicode's NFC. */
  (ReferenceParts & { by: "path"; path: string[] }) | (ReferenceParts & { by: "id"; id: string });

const SCHEME = "coffre://";
// A first segment written exactly so means "by id". A category or credential of that name is written `%69d` there.
const ID_MARK = "id";
const ESCAPED_ID_MARK = "%69d";
const LONGEST = 8192;
const NAMED_VERSIONS = ["current", "previous", "pending"] as const;

/**
 * Reads `coffre://<vault>/<category path>/<credential>[?field=…][&version=current|previous|pending|n]` or
 * `coffre://<vault>/id/<id>[?…]`. Segments are percent-encoded; characters that have no meaning here may also stand as
 * they are. `id` as first segment always means the second form.
 * @throws CoffreError INVALID_INPUT that says what is wrong. The text isn't repeated: a password given by mistake stays private.
 */
export function parseReference(text: string): Reference {
  if (!text.startsWith(SCHEME)) {
    const scheme = /^[A-Za-z][A-Za-z0-9+.-]{0,20}:\/\//.exec(text)?.[0];
    throw invalid(`a reference starts with ${SCHEME}, this one ${scheme === undefined ? "doesn't" : `with ${scheme}`}`);
  }
  if (text.length > LONGEST) throw invalid(`a reference has at most ${LONGEST} characters, this one ${text.length}`);
  if (text.includes("#")) throw invalid("a reference has no part after #; a # in a name is written %23");

  const [address = "", query, ...more] = text.slice(SCHEME.length).split("?");
  if (more.length > 0) throw invalid("a reference has one ? at most; a ? in a name is written %3F");
  const [vault = "", ...segments] = address.split("/");
  checkVaultName(vault);
  if (segments.length === 0) throw invalid("a reference names a credential after the vault, this one ends there");

  const parts: ReferenceParts = { vault, ...(query === undefined ? {} : parseQuery(query)) };
  if (segments[0] === ID_MARK) {
    const id = segments[1] ?? "";
    if (segments.length !== 2 || !isCredentialId(id)) {
      throw invalid(
        `after /${ID_MARK}/ comes a credential's id (cr_ and 22 characters) and nothing else`,
        `If ${ID_MARK} is a name here, write it ${ESCAPED_ID_MARK}.`,
      );
    }
    return { ...parts, by: "id", id };
  }
  return { ...parts, by: "path", path: segments.map((segment, index) => parseSegment(segment, index + 1)) };
}

/**
 * Writes a reference in its one canonical form; {@link parseReference} reads the same reference from it.
 * @throws CoffreError INVALID_INPUT for a part that no reference can hold
 */
export function formatReference(reference: Reference): string {
  const query = [
    ...(reference.field === undefined ? [] : [`field=${encode(checkPart("the field", reference.field))}`]),
    ...(reference.version === undefined ? [] : [`version=${parseVersion(String(reference.version))}`]),
  ].join("&");
  return `${SCHEME}${checkVaultName(reference.vault)}/${formatAddress(reference)}${query === "" ? "" : `?${query}`}`;
}

function formatAddress(reference: Reference): string {
  if (reference.by === "id") {
    if (!isCredentialId(reference.id)) throw invalid("the id isn't a credential's (cr_ and 22 characters)");
    return `${ID_MARK}/${reference.id}`;
  }
  if (reference.path.length === 0) throw invalid("the path is empty; its last segment names the credential");
  const segments = reference.path.map((name, index) => encode(checkPart(`segment ${index + 1}`, name)));
  return [segments[0] === ID_MARK ? ESCAPED_ID_MARK : segments[0], ...segments.slice(1)].join("/");
}

function parseSegment(segment: string, position: number): string {
  return checkPart(`segment ${position}`, decode(segment, `segment ${position}`));
}

function parseQuery(query: string): Pick<ReferenceParts, "field" | "version"> {
  const found: Pick<ReferenceParts, "field" | "version"> = {};
  for (const pair of query.split("&")) {
    const equals = pair.indexOf("=");
    const key = equals < 0 ? pair : pair.slice(0, equals);
    const value = equals < 0 ? "" : pair.slice(equals + 1);
    if (key !== "field" && key !== "version") {
      const named = /^[A-Za-z][A-Za-z0-9_-]{0,30}$/.test(key) ? `"${key}"` : "something else";
      throw invalid(`after ? stand field=… and version=…, here ${key === "" ? "nothing" : named}`);
    }
    if (found[key] !== undefined) throw invalid(`${key} is given twice`);
    const decoded = decode(value, `the value of ${key}`);
    if (key === "field") found.field = checkPart("the field", decoded);
    else found.version = parseVersion(decoded);
  }
  return found;
}

function parseVersion(text: string): ReferenceVersion {
  const named = NAMED_VERSIONS.find((name) => name === text);
  if (named !== undefined) return named;
  if (!/^[1-9][0-9]{0,14}$/.test(text)) {
    throw invalid("version is current, previous, pending or a number from 1");
  }
  return Number(text);
}

// A reference may name what people made in another vault, so it takes more than `checkName` does: long names, a slash (%2F).
function checkPart(what: string, text: string): string {
  const problem = describeNameProblem(text, { foreign: true });
  if (problem !== undefined) throw invalid(`${what} ${problem}`);
  return text.normalize("NFC");
}

function decode(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(`${what} has a % that doesn't begin an encoded character`, "Write a % itself as %25.");
  }
}

// encodeURIComponent leaves !'()* as they are; encoded, a reference can be pasted into a shell.
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function invalid(
  problem: string,
  hint = "Its form: coffre://<vault>/<category>/<credential> or coffre://<vault>/id/<id>.",
) {
  return new CoffreError("INVALID_INPUT", `The reference isn't valid: ${problem}`, { hint });
}
