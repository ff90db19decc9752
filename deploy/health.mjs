// Asks a server on this machine whether it is ready: exit code 0 if its vault answers, else 1. Plain JavaScript, for containers.
// COFFRE_HEALTH_URL names another place than https://127.0.0.1:8730/readyz.
import { request as plain } from "node:http";
import { request as tls } from "node:https";

const ANSWER_MS = 4_000;

const url = new URL(process.env.COFFRE_HEALTH_URL ?? "https://127.0.0.1:8730/readyz");
const ask = url.protocol === "https:" ? tls : plain;
// Nothing but a status is asked for, of this machine itself: the certificate is in another name.
const asked = ask(url, { rejectUnauthorized: false, timeout: ANSWER_MS, agent: false }, (answer) => {
  answer.resume();
  end(answer.statusCode === 200, `it answers ${answer.statusCode}`);
});
asked.on("timeout", () => end(false, "it doesn't answer"));
asked.on("error", ({ code }) => end(false, code));
asked.end();

function end(ready, problem) {
  if (!ready) process.stderr.write(`${url.origin} isn't ready: ${problem}\n`);
  process.exit(ready ? 0 : 1);
}
