// Stands in for a ticket system: takes tickets as Zendesk's API documents it, one for each idempotency key, into a file.
//   node ticket-system.mjs PORT TICKETS_FILE
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";

const [port = "8026", file = "tickets.jsonl"] = process.argv.slice(2);

/** Each ticket is one line: its number is the line's. */
const tickets = existsSync(file)
  ? readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line))
  : [];

const server = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (chunk) => (body += chunk));
  request.on("end", () => {
    const answer = (status, value) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    const { pathname, searchParams } = new URL(request.url, "http://localhost");
    if (pathname !== "/api/v2/tickets.json") return answer(404, { error: "RecordNotFound" });
    if (request.method === "GET") {
      const wanted = searchParams.get("external_id");
      return answer(200, { tickets: tickets.filter(({ external_id }) => external_id === wanted) });
    }
    const key = request.headers["idempotency-key"];
    const known = tickets.find((ticket) => ticket.key === key);
    if (known) return answer(201, { ticket: known });
    const { subject, comment, external_id } = JSON.parse(body).ticket;
    const ticket = { id: tickets.length + 1, subject, comment, external_id, key };
    appendFileSync(file, `${JSON.stringify(ticket)}\n`, { flush: true });
    tickets.push(ticket);
    return answer(201, { ticket });
  });
});
server.listen(Number(port), "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
