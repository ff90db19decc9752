import { expect, test } from "@jest/globals";
import { questionOf } from "../../provider/target/linux/own-password.js";

test.each([
  ["Current password: ", "before"],
  ["(current) UNIX password: ", "before"],
  ["Old Password: ", "before"],
  ["New password: ", "after"],
  ["Enter new UNIX password: ", "after"],
  ["Retype new password: ", "again"],
  ["Re-type new password: ", "again"],
  ["Reenter new Password: ", "again"], // SSSD's
  ["Re-enter new password: ", "again"],
  ["New password again: ", "again"],
  ["Password: ", undefined],
  ["One-time code: ", undefined],
])("%j of passwd asks for %s", (prompt, question) => {
  expect(questionOf(prompt)).toBe(question);
});
