import type { ValueAnswer } from "../vault/port.js";
import type { CommandContext } from "./context.js";
import { printable } from "./terminal.js";

/** Says of a value that was read if a target may want another one by now. */
export function warnOfStatus({ terminal }: CommandContext, answer: Omit<ValueAnswer, "value">): void {
  const name = printable(answer.path.join("/"));
  if (answer.status === "archived") {
    terminal.warn(`${name} is archived: nothing keeps its value up to date any more.`);
  } else if (answer.field !== "password") {
    return; // a rotation changes the password only
  } else if (answer.status === "rotating") {
    terminal.warn(`${name} is being rotated: the target may already want the pending version.`);
  } else if (answer.status === "needs-attention") {
    terminal.warn(`${name} needs attention: this may not be what the target wants. See \`coffre attention\`.`);
  }
}
