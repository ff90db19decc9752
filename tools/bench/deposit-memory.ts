import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MailServer } from "../../test/fixtures/mail-server.ts";
import { contentHash, mailArguments, PageUpload, signInByMail } from "../served/page-upload.ts";
import { ServedVault } from "../served/served-vault.ts";
import { onFreshVault, vaultPlace } from "./fresh-vault.ts";

const BUILT = join(import.meta.dirname, "../../bin/coffre.js");
const BYTES = 2_000_000_000;
const CUT_AT = [600_000_000, 1_300_000_000];
const DEPOSITOR = "ana@example.com";

/** One large deposit by the page's upload. */
export interface DepositMemory {
  /** The most that the server's process had in memory, in MB (10^6 bytes), from its start on. */
  peakMb: number;
  /** The same before the upload began. */
  idleMb: number;
  seconds: number;
}

/** A file of 2 GB through `coffre serve`'s pages, its connection broken off twice. @throws Error if it doesn't arrive as it was sent */
export async function measureDepositMemory(): Promise<DepositMemory> {
  return onFreshVault(async (vault, _reopen, folder) => {
    const { id: boxId } = await vault.boxes.createBox({ name: "bench", categoryId: null, recipients: [DEPOSITOR] });
    const mail = await MailServer.start();
    const args = ["--no-access-log", ...mailArguments(mail)];
    const server = await ServedVault.start(vaultPlace(folder), { main: BUILT, args });
    try {
      const { origin } = server;
      const browser = await signInByMail(origin, { boxId, address: DEPOSITOR, mail });
      const idleMb = peakMbOf(server);
      const before = performance.now();
      const upload = await PageUpload.begin(origin, { browser, boxId, name: "large.bin", size: BYTES });
      for (const cutAt of CUT_AT) await upload.send(await upload.offset(), { cutAt });
      await upload.send(await upload.offset());
      const seconds = (performance.now() - before) / 1000;
      const { state, size, sha256 } = await vault.boxes.files.readFile(upload.id);
      if (state !== "ready" || size !== BYTES || sha256 !== contentHash(BYTES)) {
        throw new Error(`the deposit arrived as ${state}, ${String(size)} bytes, SHA-256 ${String(sha256)}`);
      }
      return { peakMb: peakMbOf(server), idleMb, seconds };
    } finally {
      await server.stop();
      await mail.close();
    }
  });
}

/** As the system has counted it for the process. */
function peakMbOf({ pid }: ServedVault): number {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${String(pid)}/status`, "utf8"))?.[1];
  return (Number(kib) * 1024) / 1e6;
}
