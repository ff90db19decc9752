/**
 * What a program says by its exit code. All but 0 lie where hardly any tool ends by itself, since a shell script hands on
 * what its last command ended with: curl's 22 or ssh's 255 must not be taken for a definite answer.
 */
export const EXIT_CODES = {
  /** The operation's yes: set, works, exists, removed. */
  done: 0,
  /** Set: done, and Coffre has made the account, now or earlier. */
  made: 112,
  /** Set: the device refused this value (too short, used before), and nothing changed. */
  "value-refused": 113,
  /** The device refused for another reason, and nothing changed. */
  refused: 114,
  /** The device wasn't reached: no login, no password was sent. */
  unreachable: 115,
  /** The login was refused; in a proof: the password is wrong. Nothing changed. */
  "login-refused": 116,
  /** The device can't prove a password, and none was sent. */
  "not-verifiable": 117,
  /** There is no such account, and nothing changed. */
  "no-account": 118,
  /** Logged in, but without the right to do it. Nothing changed. */
  forbidden: 119,
} as const;

export type Answer = keyof typeof EXIT_CODES;

export type Operation = "look" | "set" | "verify" | "disable" | "drop";
/** What a program that is a hook is asked for; no account is touched. */
export type AnyOperation = Operation | "notify";

const REMOVES = ["done", "refused", "unreachable", "login-refused", "no-account", "forbidden"] as const;

/** Another answer than these is none: the program doesn't keep to its part, so nothing that it says is believed. */
const POSSIBLE: Readonly<Record<AnyOperation, readonly Answer[]>> = {
  look: ["done", "refused", "unreachable", "login-refused", "not-verifiable", "no-account", "forbidden"],
  set: ["done", "made", "value-refused", "refused", "unreachable", "login-refused", "no-account", "forbidden"],
  verify: ["done", "unreachable", "login-refused", "not-verifiable", "no-account"],
  disable: REMOVES,
  drop: REMOVES,
  notify: ["done", "refused", "unreachable"],
};

/** @returns `undefined` if the exit code says nothing about this operation */
export function answerOf(operation: AnyOperation, exitCode: number): Answer | undefined {
  return POSSIBLE[operation].find((answer) => EXIT_CODES[answer] === exitCode);
}

/** An answer given as a word. @returns `undefined` for a word that is none, or says nothing about this operation */
export function answerNamed(operation: AnyOperation, word: unknown): Answer | undefined {
  return POSSIBLE[operation].find((answer) => answer === word);
}

/** The answer in words, where the program gave none. */
export const MEANINGS: Readonly<Record<Answer, string>> = {
  done: "it is done",
  made: "it is done, and the account was made",
  "value-refused": "the device refused this value",
  refused: "the device refused",
  unreachable: "the device wasn't reached",
  "login-refused": "the device refused the login",
  "not-verifiable": "the device can't prove a password",
  "no-account": "there is no such account",
  forbidden: "the login has no right to do it",
};
