// Stands in for the anti-spam system: takes each new ship's mail domains, once, into a file of domains that it lets through.
//   node anti-spam.mjs PORT DOMAINS_FILE SECRET_FILE
import { createHmac, timingSafeEqual } from "node:crypto";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";

const [port = "8025", domainsFile = "domains.txt", secretFile = "hook.secret"] = process.argv.slice(2);
const OLDEST_SECONDS = 300;

/** Messages that were taken: their ids stand in the file, behind the domains. */
const taken = new Set();
if (existsSync(domainsFile)) {
  for (const line of readFileSync(domainsFile, "utf8").trim().split("\n")) taken.add(line.split(" ").at(-1));
}

const server = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (chunk) => (body += chunk));
  request.on("end", () => {
    const answer = (status) => response.writeHead(status).end();
    const id = String(request.headers["webhook-id"]);
    if (!isSigned(request.headers, id, body)) return answer(401);
    if (taken.has(id)) return answer(204); // told again, since a run was killed before it knew that it had told us
    const { type, data } = JSON.parse(body);
    if (type !== "category-tree.copied") return answer(204);
    const { domains } = data.data;
    // One write, so that it is all there, or not at all.
    appendFileSync(domainsFile, domains.map((domain) => `${domain} ${id}\n`).join(""), { flush: true });
    taken.add(id);
    return answer(204);
  });
});
server.listen(Number(port), "127.0.0.1", () => console.log(`listening on ${server.address().port}`));

/** As Standard Webhooks says. The secret is read anew each time, so that the file may be changed. */
function isSigned(headers, id, body) {
  const timestamp = Number(headers["webhook-timestamp"]);
  if (!existsSync(secretFile) || Math.abs(Date.now() / 1000 - timestamp) > OLDEST_SECONDS) return false;
  const secret = readFileSync(secretFile, "utf8").trimEnd();
  const wanted = createHmac("sha256", secret).update(`${id}.${timestamp}.${body}`).digest();
  const given = Buffer.from(String(headers["webhook-signature"]).replace(/^v1,/, ""), "base64");
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
