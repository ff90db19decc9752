import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { isDead, newHolder } from "../../provider/rotation/holder.js";
import { LeasedCredential } from "../../provider/rotation/lease.js";
import { reachCauses, resume } from "../../provider/rotation/rotate.js";
import { killedAtStep, Scene } from "../fixtures/rotation-scene.ts";

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

const account = "orders@db1:1";

/** A holder like this process's, of a process that has ended. */
function deadHolder(): string {
  const { pid } = spawnSync(process.execPath, ["--version"]);
  return newHolder().replace(/\/\d+\/\d+\//, `/${pid}/1/`);
}

const hold = (id: string, holder: string, ttlSeconds = 60) => scene.vault.acquireLease(id, { holder, ttlSeconds });

describe("a holder is dead", () => {
  test("only when its process has surely ended", () => {
    expect(isDead(deadHolder())).toBe(true);
    expect(isDead(newHolder())).toBe(false);
  });

  test("also when another process has got its number", () => {
    expect(isDead(newHolder().replace(/\/(\d+)\/\d+\//, "/$1/1/"))).toBe(true);
  });

  test("never when it lives on another machine, in another boot or in another container", () => {
    for (const part of [0, 1, 2]) {
      const [machine = "", ...rest] = deadHolder().split("/");
      const other = machine.split("+").map((text, index) => (index === part ? `${text}x` : text));
      expect(isDead([other.join("+"), ...rest].join("/"))).toBe(false);
    }
  });

  test.each(["", "somebody", "a/b/c/d", "a/-1/1/x"])("never when its text says nothing (%j)", (text) => {
    expect(isDead(text)).toBe(false);
  });

  test("when it is a zombie, which has ended though it still has its number", async () => {
    // The shell's child ends with its input, and what the shell becomes never asks how.
    const parent = spawn("/bin/sh", ["-c", "cat <&3 & echo $!; exec sleep 30"], {
      stdio: ["ignore", "pipe", "ignore", "pipe"],
    });
    try {
      const [output] = (await once(parent.stdout as Readable, "data")) as [Buffer];
      const pid = output.toString().trim();
      const fields = async () => (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]?.split(" ") ?? [];
      const holder = newHolder().replace(/\/\d+\/\d+\//, `/${pid}/${(await fields())[19]}/`);
      expect(isDead(holder)).toBe(false);
      parent.stdio[3]?.destroy();
      while ((await fields())[0] !== "Z") await delay(10);
      expect(isDead(holder)).toBe(true);
    } finally {
      parent.kill("SIGKILL");
    }
  });
});

describe("a lease", () => {
  test("of a dead process is taken over at once, and the same version goes on", async () => {
    const id = await scene.rotated();
    const first = scene.context({ around: killedAtStep("set-confirmed", "before") });
    await expect(scene.rotate(id, "cause:2", first)).rejects.toThrow("killed");
    const before = await scene.vault.readCredential(id);
    await scene.vault.acquireLease(id, {
      holder: deadHolder(),
      ttlSeconds: 3_600,
      takeOver: before.journal.fencing,
    });
    const waitedFrom = scene.clock.monotonicMs();
    await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "finished", version: 2 });
    expect(scene.clock.monotonicMs()).toBe(waitedFrom);
    expect(await scene.events(id)).toContain("lease.taken-over");
  });

  test("of a dead process is given back by a run that has nothing else to do, that of a living one isn't", async () => {
    const id = await scene.rotated();
    const living = newHolder();
    await hold(id, living, 3_600);
    await expect(scene.rotate(id, "cause:first")).resolves.toMatchObject({ action: "none" });
    expect((await scene.vault.readCredential(id)).journal.lease?.holder).toBe(living);
    const { fencing } = (await scene.vault.readCredential(id)).journal;
    await scene.vault.acquireLease(id, { holder: deadHolder(), ttlSeconds: 3_600, takeOver: fencing });
    await expect(scene.rotate(id, "cause:first")).resolves.toMatchObject({ action: "none" });
    expect((await scene.vault.readCredential(id)).journal.lease).toBeUndefined();
    expect(await scene.versions(id)).toBe("1 current");
  });

  test("decides what is to be done, also for a run that has found the entry long before", async () => {
    const id = await scene.rotated();
    const found = await scene.vault.readCredential(id);
    await scene.rotate(id, "cause:2");
    const { action } = await reachCauses(scene.context(), id, ["cause:2"], { found });
    expect(action).toBe("none");
    expect(await scene.versions(id)).toBe("1 previous, 2 current");
  });

  test("of a living process is waited for, and LOCKED is the end of the wait", async () => {
    const id = await scene.rotated();
    await hold(id, newHolder(), 3_600);
    const waitedFrom = scene.clock.monotonicMs();
    await expect(scene.rotate(id, "cause:2", scene.context({ leaseWaitMs: 10_000 }))).rejects.toMatchObject({
      code: "LOCKED",
    });
    expect(scene.clock.monotonicMs() - waitedFrom).toBeGreaterThanOrEqual(10_000);
    expect(scene.target.calls).toEqual([]);
  });

  test("whose holder gives it back in time is taken then", async () => {
    const id = await scene.rotated();
    const { lease } = await hold(id, newHolder(), 3_600);
    const waiting = scene.rotate(id, "cause:2");
    await scene.clock.sleep(1_000);
    await scene.vault.record(lease, [{ step: "release" }]);
    await expect(waiting).resolves.toMatchObject({ action: "rotated", version: 2 });
  });

  test("that has run out is taken, whoever held it", async () => {
    const id = await scene.rotated();
    await hold(id, "another-machine/1/1/x", 30);
    await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "rotated", version: 2 });
  });

  test("that is waited for ends the wait when the run is told to stop", async () => {
    const id = await scene.rotated();
    await hold(id, newHolder(), 3_600);
    const stop = new AbortController();
    const waiting = scene.rotate(id, "cause:2", scene.context({ signal: stop.signal }));
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: "INTERRUPTED" });
  });

  test("is given back when a rotation fails", async () => {
    const id = await scene.rotated();
    scene.target.next("look", () => {
      throw new Error("broken");
    });
    await expect(scene.rotate(id, "cause:2")).rejects.toThrow("broken");
    expect((await scene.vault.readCredential(id)).journal.lease).toBeUndefined();
  });

  test("is longer than all time limits of the rotation together", async () => {
    const limits = { connectMs: 40_000, setMs: 50_000, verifyMs: 60_000 };
    const id = await scene.orders({ limits, waitForSeconds: 600 });
    const notes: number[] = [];
    const context = scene.context({
      around: ({ method, args }, proceed) => {
        if (method === "acquireLease") notes.push((args[1] as { ttlSeconds: number }).ttlSeconds); // a LeaseRequest
        return proceed();
      },
    });
    await scene.rotate(id, "cause:1", context);
    expect(notes[0]).toBeGreaterThan(600 + 40 + 50 + 60);
  });

  test("counts the time limits of targets that the run is about to declare", async () => {
    const id = await scene.rotated();
    const [target] = (await scene.vault.readCredential(id)).targets;
    const limits = { connectMs: 1_000, setMs: 200_000, verifyMs: 200_000 };
    const slow = { ...target!, description: { ...target!.description, limits } };
    await expect(
      reachCauses(scene.context(), id, ["targets:2"], { change: { targets: [slow] } }),
    ).resolves.toMatchObject({ action: "rotated", version: 2 });
  });

  test("that grew short while looking took its time is renewed before the set", async () => {
    const id = await scene.rotated();
    scene.target.next("look", (act) => {
      scene.clock.advance(65_000);
      return act();
    });
    const before = (await scene.vault.readCredential(id)).journal.fencing;
    await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "rotated", version: 2 });
    expect((await scene.vault.readCredential(id)).journal.fencing).toBe(before + 2);
  });

  test("is renewed when the machine slept, though its own clock stood still", async () => {
    const id = await scene.rotated();
    scene.target.next("look", (act) => {
      scene.clock.set("2031-05-06T09:00:00.000Z"); // the wall clock only
      return act();
    });
    const before = (await scene.vault.readCredential(id)).journal.fencing;
    await scene.rotate(id, "cause:2");
    expect((await scene.vault.readCredential(id)).journal.fencing).toBe(before + 2);
  });
});

describe("two runs at once on one credential", () => {
  test("for one cause are one rotation", async () => {
    const id = await scene.rotated();
    const outcomes = await Promise.all([scene.rotate(id, "cause:2"), scene.rotate(id, "cause:2")]);
    expect(outcomes.map(({ action }) => action).sort()).toEqual(["none", "rotated"]);
    expect(await scene.versions(id)).toBe("1 previous, 2 current");
    expect(scene.target.count("set")).toBe(1);
  });

  test("for two causes are two rotations, one after the other", async () => {
    const id = await scene.rotated();
    await Promise.all([scene.rotate(id, "cause:2"), scene.rotate(id, "cause:3")]);
    expect(await scene.versions(id)).toBe("1 previous, 2 previous, 3 current");
    expect(scene.target.passwordOf(account)).toBe(await scene.value(id));
    expect(scene.target.calls.filter((call) => /^(set|verify)/.test(call))).toEqual([
      `set ${account}`,
      `verify ${account}`,
      `set ${account}`,
      `verify ${account}`,
    ]);
  });

  test("are one rotation and a `resume` that waits for it", async () => {
    const id = await scene.rotated();
    scene.target.next("look", async (act) => {
      await scene.clock.sleep(500);
      return act();
    });
    const rotation = scene.rotate(id, "cause:2");
    await scene.clock.sleep(100);
    await expect(resume(scene.context(), id)).resolves.toMatchObject({ action: "none", version: 2 });
    await expect(rotation).resolves.toMatchObject({ action: "rotated" });
  });
});

describe("a process that was frozen and wakes up after its lease was taken over", () => {
  test("writes nothing any more, so that its rotation can't be promoted over a newer one", async () => {
    const id = await scene.rotated();
    const frozen = await LeasedCredential.acquire(scene.context(), id, 60);
    scene.clock.advance(61_000);
    await scene.rotate(id, "cause:2");
    for (const step of [
      { step: "set-started", version: 2, account: `fake://${account}` },
      { step: "promote", version: 2, verified: true },
      { step: "release" },
    ] as const) {
      await expect(frozen.record(step)).rejects.toMatchObject({ code: "LOCKED" });
    }
    await frozen.release();
    expect(await scene.versions(id)).toBe("1 previous, 2 current");
  });

  test("before its set doesn't set", async () => {
    const id = await scene.rotated();
    scene.target.next("look", async (act) => {
      scene.clock.advance(200_000);
      await scene.rotate(id, "cause:2");
      return act();
    });
    await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "LOCKED" });
    expect(scene.target.count("set")).toBe(1);
    expect(scene.target.passwordOf(account)).toBe(await scene.value(id));
  });

  test("after its stage doesn't set either", async () => {
    const id = await scene.rotated();
    let frozen = false;
    const context = scene.context({
      around: async ({ method, args }, proceed) => {
        if (!frozen && method === "readMany" && JSON.stringify(args).includes('"version":2')) {
          frozen = true;
          scene.clock.advance(200_000);
          await scene.rotate(id, "cause:2");
        }
        return proceed();
      },
    });
    await expect(scene.rotate(id, "cause:2", context)).rejects.toMatchObject({ code: "LOCKED" });
    expect(scene.target.count("set")).toBe(1);
    expect(await scene.versions(id)).toBe("1 previous, 2 current");
  });
});

describe("after a take-over in the middle of a change", () => {
  test("nothing new is drawn before the dead process's last packet must have arrived", async () => {
    const id = await scene.rotated();
    const first = scene.context({ around: killedAtStep("set-confirmed", "before") });
    await expect(scene.rotate(id, "cause:2", first)).rejects.toThrow("killed");
    const { fencing } = (await scene.vault.readCredential(id)).journal;
    await scene.vault.acquireLease(id, { holder: deadHolder(), ttlSeconds: 3_600, takeOver: fencing });

    const takenOver = scene.clock.monotonicMs();
    await scene.rotate(id, "cause:2");
    expect(scene.clock.monotonicMs()).toBe(takenOver);
    await scene.rotate(id, "cause:3");
    expect(scene.clock.monotonicMs() - takenOver).toBeGreaterThanOrEqual(15_000);
    expect(await scene.versions(id)).toBe("1 previous, 2 previous, 3 current");
  });
});
