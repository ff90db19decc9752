import { request } from "node:http";
import { existsSync, lstatSync } from "node:fs";
import { dirname } from "node:path";
import { expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { ValueAgent } from "../../provider/target/ansible/value-agent.js";

const VALUE = 'the "value" {{ 1 }} \n %';

function ask(socketPath: string, path: string, body: string): Promise<{ status: number | undefined; text: string }> {
  return new Promise((done, fail) => {
    const asked = request({ socketPath, path, method: "POST" }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part: string) => (text += part));
      answer.on("end", () => done({ status: answer.statusCode, text }));
    });
    asked.on("error", fail);
    asked.end(body);
  });
}
const read = (...requests: object[]) => JSON.stringify({ requests });

test("it answers what it was given and nothing else, to its own user alone, until it is closed", async () => {
  const agent = await ValueAgent.start({ account: new Secret(VALUE) });
  expect(lstatSync(agent.socket).mode & 0o777).toBe(0o600);
  expect(lstatSync(dirname(agent.socket)).mode & 0o777).toBe(0o700);
  const { status, text } = await ask(agent.socket, "/v1/read-many", read({ path: ["account"] }, { path: ["login"] }));
  expect(status).toBe(200);
  expect(JSON.parse(text)).toMatchObject({ value: [{ answer: { value: VALUE } }, { error: { code: "NOT_FOUND" } }] });
  for (const other of [
    { path: ["account"], version: 2 },
    { path: ["account"], field: "key" },
    { path: ["a", "account"] },
    { path: ["toString"] },
  ]) {
    expect((await ask(agent.socket, "/v1/read-many", read(other))).text).not.toContain("{{ 1 }}");
  }
  for (const [path, body] of [
    ["/v1/identity", "{}"],
    ["/v1/read-many", "no JSON"],
    ["/v1/read-many", "x".repeat(100_000)],
  ] as const) {
    expect((await ask(agent.socket, path, body)).status).toBe(404);
  }
  await agent.close();
  expect(existsSync(dirname(agent.socket))).toBe(false);
});
