import { afterEach, expect, test } from "@jest/globals";
import { DEFAULT_BRAND } from "../../../provider/server/html/brand.js";
import { Delivery } from "../../../provider/server/mail/delivery.js";
import { Smtp } from "../../../provider/server/mail/smtp.js";
import { createMemoryVault } from "../../../provider/vault/memory/memory-vault.js";
import { pieces } from "../../contract/vault-cases/boxes.js";
import { collect, HandClock } from "../../contract/vault-cases/setup.js";
import { RudeMailServer } from "../../fixtures/mail-server.js";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

test.each<[string, Parameters<typeof RudeMailServer.start>[0], string, string]>([
  ["refuses the mail", { onMessage: (socket) => socket.write("554 spam\r\n") }, "failed", "554"],
  ["never says a word", { isSilent: true }, "waiting", ""],
  ["hangs after the message", { onMessage: () => undefined }, "failed", "may have been sent"],
  [
    "drops the connection after the message",
    { onMessage: (socket) => socket.destroy() },
    "failed",
    "may have been sent",
  ],
])(
  "where the mail server %s, the link of a transfer opens, stands in no report, and goes with the transfer",
  async (_what, rude, state, problem) => {
    const clock = new HandClock();
    const vault = createMemoryVault({ clock });
    const server = await RudeMailServer.start(rude);
    open.push(vault, server);
    const { transfers, files } = vault.boxes;
    const expiresAt = new Date(clock.now().getTime() + 86_400_000).toISOString();
    const { transfer, link } = await transfers.create({
      categoryId: null,
      from: "Ana",
      to: ["bo@example.com"],
      expiresAt,
    });
    const { id } = await files.create({ depositId: transfer.id, name: "report.txt" });
    await files.append(id, 0, pieces("figures"));
    await files.finish(id);
    await transfers.send(transfer.id, link);
    const complaints: unknown[] = [];
    const delivery = new Delivery({
      outbox: vault.outbox,
      smtp: new Smtp({
        host: "127.0.0.1",
        port: server.port,
        tls: "none",
        from: { name: "", address: "drop@example.com" },
        verdictMs: 500,
        ...(rude.isSilent === true ? { patienceMs: 500 } : {}),
      }),
      style: {
        brand: DEFAULT_BRAND,
        language: "en",
        timeZone: "UTC",
        transferPageOf: (text) => `https://x.example/${text}`,
      },
      domain: "example.com",
      clock,
      complain: (error) => complaints.push(error),
    });
    await delivery.sendDue();
    const [mail] = await collect(vault.outbox.list());
    expect(mail).toMatchObject({ state, problem: expect.stringContaining(problem) });
    const secret = link.reveal().split(".")[1];
    expect(JSON.stringify([mail?.problem, complaints, await collect(vault.listEvents())])).not.toContain(secret);
    expect((await vault.links?.open(link))?.status).toBe("open");
    await transfers.archive(transfer.id, {});
    expect(await collect(vault.outbox.list())).toEqual([]);
  },
);
