import * as z from "zod";
import { CoffreError } from "./errors.js";

/** RFC 5321, 4.5.3.1.3: a path has 256 octets, two of them its angle brackets. */
const LONGEST_ADDRESS = 254;

const Address = z.email().max(LONGEST_ADDRESS);

/** True for one plain address: no name before it, no list, nothing that could begin another header of a mail. */
export function isEmailAddress(text: string): boolean {
  return Address.safeParse(text).success;
}

/** The same for every spelling of one address: mail programs and people don't agree on capital letters, so that they don't count. */
export function addressKey(address: string): string {
  return address.toLowerCase();
}

/** Whether two texts are spellings of one address. */
export function isSameAddress(one: string, other: string): boolean {
  return addressKey(one) === addressKey(other);
}

/** Addresses without those that came before, or are known, in whatever spelling: nobody gets a mail twice. */
export function eachAddressOnce(addresses: readonly string[], known: readonly string[] = []): string[] {
  const seen = new Set(known.map(addressKey));
  return addresses.filter((address) => {
    const isNew = !seen.has(addressKey(address));
    seen.add(addressKey(address));
    return isNew;
  });
}

/**
 * Checks one plain address.
 * @param called how the sentence calls it @param field of the input in which it stands, where that is another name
 * @returns it with the domain in lower case, as it is kept: the part before the @ is its owner's to spell
 * @throws CoffreError INVALID_INPUT with `details.field`; without the address, which may be anything
 */
export function checkEmailAddress(called: string, text: string, field = called): string {
  if (isEmailAddress(text)) {
    const at = text.lastIndexOf("@");
    return text.slice(0, at) + text.slice(at).toLowerCase();
  }
  throw new CoffreError("INVALID_INPUT", `${called} isn't an e-mail address`, {
    hint: "Write one plain address, such as ana@example.com.",
    details: { field },
  });
}
