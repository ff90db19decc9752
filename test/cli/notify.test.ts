import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import type { Vault } from "../../provider/vault/port.js";
import { HookReceiver } from "../fixtures/hook-receiver.ts";
import { entry, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS);

// One story, told in order.
let shell: Shell;
let vault: Vault;
let receiver: HookReceiver;
beforeAll(async () => {
  shell = await Shell.open();
  vault = await shell.makeVault();
  receiver = await HookReceiver.start();
  receiver.key = Buffer.from("what-signs");
  await entry(vault, "Hooks/deploy", { value: "what-signs" });
  await entry(vault, "Mail/smtp", {
    notify: [{ url: receiver.url, secretRef: "coffre://main/Hooks/deploy" }],
    value: null,
  });
});
afterAll(async () => {
  await vault.close();
  await receiver.close();
  await shell.close();
});

const VERSION_1 = () => `${receiver.url} wasn't told of version 1: answered 404`;

test("a hook that doesn't take its message is a warning of rotate, and no failure", async () => {
  receiver.answers = [404];
  const said = await shell.coffre(["rotate", "Mail/smtp"]);
  expect(said).toMatchObject({ stdout: "rotated  Mail/smtp  version 1\n", exitCode: 0 });
  expect(said.stderr).toBe(`warning: Mail/smtp: ${VERSION_1()}. \`coffre notify\` tries again\n`);
  expect(receiver.received).toMatchObject([{ isSigned: true, body: { data: { version: 1 } } }]);
});

test("attention lists it with what to do, and get shows it", async () => {
  const listed = await shell.coffre(["attention"]);
  expect(listed.exitCode).toBe(6);
  expect(shell.plain(listed.stdout)).toBe(`Mail/smtp  not-told
  what   ${VERSION_1()}
  since  <date> UTC
  do     Mend the receiver, then \`coffre notify Mail/smtp\`; every \`coffre rotate --due\`, \`coffre resume\` and \`pulumi up\` tries too. The password itself is in force. To give it up, \`coffre notify Mail/smtp --forget\`.
`);
  expect(await shell.json(["get", "Mail/smtp"])).toMatchObject({
    status: "current",
    notify: [{ url: receiver.url }],
    notices: [{ hook: receiver.url, version: 1, tries: 1, problem: "answered 404" }],
  });
  expect((await shell.coffre(["get", "Mail/smtp"])).stdout).toContain(
    `tells          ${receiver.url}, not yet of version 1: answered 404`,
  );
});

test.each([[["notify"]], [["rotate", "--due"]], [["resume"]]])("%j tries again and draws nothing", async (command) => {
  receiver.received.length = 0;
  const said = await shell.coffre(command);
  expect(said.exitCode).toBe(command[0] === "notify" ? 1 : 0);
  expect(said.stderr).toContain(VERSION_1());
  expect(receiver.received).toHaveLength(1);
  expect((await vault.findCredential(["Mail", "smtp"]))?.versions).toHaveLength(1);
});

test("notify tells a receiver that is back, and has nothing to do after that", async () => {
  receiver.answers = [204];
  expect(await shell.coffre(["notify"])).toEqual({
    stdout: `Mail/smtp: told ${receiver.url}\n`,
    stderr: "",
    exitCode: 0,
  });
  expect(await shell.coffre(["notify"])).toEqual({ stdout: "", stderr: "Every hook has been told.\n", exitCode: 0 });
  expect((await shell.coffre(["attention"])).exitCode).toBe(0);
});

test("a message can be given up, by name only", async () => {
  receiver.answers = [404];
  await shell.coffre(["rotate", "Mail/smtp"]);
  expect(await shell.coffre(["notify", "--forget"])).toMatchObject({ stdout: "", exitCode: 2 });
  expect(await shell.coffre(["notify", "Mail/smtp", "--forget"])).toEqual({
    stdout: "Mail/smtp: given up\n",
    stderr: "",
    exitCode: 0,
  });
  expect((await vault.findCredential(["Mail", "smtp"]))?.notices).toEqual([]);
});
