import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GoaroundError } from "../../../lib/core/errors.ts";
import { begin, closed, type RollbackRecord, stepStarted } from "../../../lib/core/release/journal.ts";
import { throttled } from "../../fakes/faults.ts";
import { mortal, requestOf, rollBack, type Seen, type World, world } from "./rollback-actors.ts";

const aliasOf = ({ functions }: World) => {
  const { functionVersion, weights } = functions.functions.get("checkout")!.aliases.get("live")!;
  return { functionVersion, weights };
};
const recordOf = ({ ledger }: World) => ledger.rollbacks.get("checkout:live");
const noticed = (): Seen => ({ joined: [], resumed: [], withoutLedger: 0 });
/** More calls than a rollback of three steps makes. */
const CALLS = 16;

describe("a rollback", () => {
  it("writes down each step before and after it, and how it ended", async () => {
    const scene = world();
    const result = await rollBack(scene, requestOf("2", "a"));
    expect(result).toMatchObject({ kind: "acted", value: "2" });
    expect(aliasOf(scene)).toEqual({ functionVersion: "2", weights: {} });
    const states = scene.ledger.calls
      .of("putRollback")
      .map((call) => (call as { record: { steps: { state: string }[] } }).record.steps.map(({ state }) => state));
    expect(states).toEqual([
      ["pending", "pending", "pending"],
      ["started", "pending", "pending"],
      ["done", "pending", "pending"],
      ["done", "started", "pending"],
      ["done", "done", "pending"],
      ["done", "done", "started"],
      ["done", "done", "done"],
      ["done", "done", "done"],
    ]);
    expect(recordOf(scene)).toMatchObject({
      version: "2",
      fence: 1,
      result: { outcome: "restored", detail: "alias live serves version 2 alone" },
    });
    expect([...scene.ledger.archive.values()]).toEqual([recordOf(scene)]);
  });

  it("changes nothing when it is done already", async () => {
    const scene = world();
    await rollBack(scene, requestOf("2", "a"));
    await rollBack(scene, requestOf("2", "b"));
    expect(scene.functions.calls.of("moveAlias")).toHaveLength(1);
    expect(recordOf(scene)).toMatchObject({ owner: "b", fence: 2, result: { outcome: "restored" } });
  });

  it("that could not begin says so and frees the lease", async () => {
    const scene = world();
    await expect(rollBack(scene, requestOf("9", "a"))).rejects.toThrow("no version 9");
    expect(recordOf(scene)).toMatchObject({ result: { outcome: "failed", detail: "no version 9" } });
    await expect(rollBack(scene, requestOf("2", "b"))).resolves.toMatchObject({ kind: "acted" });
  });

  it("that got stuck half way says that something is left", async () => {
    const scene = world();
    scene.functions.calls.fail("moveAlias", throttled(), 1);
    await expect(rollBack(scene, requestOf("2", "a"))).rejects.toThrow("Rate exceeded");
    expect(recordOf(scene)?.result?.outcome).toBe("partly-done");
    await rollBack(scene, requestOf("2", "b"));
    expect(recordOf(scene)?.result?.outcome).toBe("restored");
  });

  it("ends when its caller gives up, and frees the lease", async () => {
    const scene = world();
    const controller = new AbortController();
    scene.functions.respond = () => ({});
    const gaveUp = new GoaroundError("interrupted", "operator", "interrupted");
    const { getVersion } = scene.functions;
    scene.functions.getVersion = (...args) => {
      controller.abort(gaveUp);
      return getVersion.apply(scene.functions, args);
    };
    await expect(rollBack(scene, requestOf("2", "a"), noticed(), controller.signal)).rejects.toThrow("interrupted");
    expect(scene.functions.calls.of("moveAlias")).toEqual([]);
    expect(recordOf(scene)).toMatchObject({ result: { outcome: "failed", detail: "interrupted" } });
  });
});

describe("a rollback whose process dies", () => {
  it.each(["before", "after"] as const)(
    "%s any of its calls ends in the same state when it runs again",
    async (when) => {
      for (let at = 1; at <= CALLS; at += 1) {
        const scene = world();
        const { actor, died } = mortal(scene, at, when);
        await Promise.race([died, rollBack(actor, requestOf("2", "first"))]);
        const result = await rollBack(scene, requestOf("2", "second"));
        expect(result.kind, `killed ${when} call ${at}`).toBe("acted");
        expect(aliasOf(scene)).toEqual({ functionVersion: "2", weights: {} });
        expect(scene.functions.functions.get("checkout")!.aliases.get("live")!.revision, "one write").toBe(3);
        expect(recordOf(scene)).toMatchObject({ owner: "second", result: { outcome: "restored" } });
      }
    },
  );

  it("twice, at any two calls, ends in the same state when it runs a third time", async () => {
    const killAt = fc.integer({ min: 1, max: CALLS });
    const when = fc.constantFrom("before" as const, "after" as const);
    await fc.assert(
      fc.asyncProperty(killAt, when, killAt, when, async (first, firstWhen, second, secondWhen) => {
        const scene = world();
        for (const [at, how, owner] of [
          [first, firstWhen, "first"],
          [second, secondWhen, "second"],
        ] as const) {
          const { actor, died } = mortal(scene, at, how);
          await Promise.race([died, rollBack(actor, requestOf("2", owner)).catch(() => undefined)]);
        }
        await rollBack(scene, requestOf("2", "third"));
        expect(aliasOf(scene)).toEqual({ functionVersion: "2", weights: {} });
        expect(scene.functions.functions.get("checkout")!.aliases.get("live")!.revision).toBe(3);
        expect(recordOf(scene)?.result?.outcome).toBe("restored");
      }),
      { numRuns: 150 },
    );
  });

  it("leaves its lease to another actor within a minute", async () => {
    const scene = world();
    const { actor, died } = mortal(scene, 5, "before");
    await Promise.race([died, rollBack(actor, requestOf("2", "first"))]);
    const startedAt = scene.clock.now().getTime();
    const seen = noticed();
    await rollBack(scene, requestOf("2", "second"), seen);
    expect(seen).toEqual({ joined: ["first"], resumed: ["first"], withoutLedger: 0 });
    expect((scene.clock.now().getTime() - startedAt) / 1000).toBeLessThanOrEqual(60);
    expect(recordOf(scene)).toMatchObject({ fence: 2, tries: 2, steps: [{ tries: 2 }, { tries: 1 }, { tries: 1 }] });
  });

  it("is resumed at once by a retry of the same invocation", async () => {
    const scene = world();
    const { actor, died } = mortal(scene, 6, "after");
    await Promise.race([died, rollBack(actor, requestOf("2", "request-1"))]);
    const startedAt = scene.clock.now().getTime();
    await rollBack(scene, requestOf("2", "request-1"));
    expect(scene.clock.now().getTime()).toBe(startedAt);
    expect(aliasOf(scene).functionVersion).toBe("2");
  });

  it("leaves its lease to another goal too, and its record is kept", async () => {
    const scene = world();
    const { actor, died } = mortal(scene, 7, "after");
    await Promise.race([died, rollBack(actor, requestOf("2", "first"))]);
    await rollBack(scene, requestOf("1", "second"));
    expect(aliasOf(scene).functionVersion).toBe("1");
    const kept = [...scene.ledger.archive.values()].find(({ owner }) => owner === "first");
    expect(kept?.result?.detail).toBe("abandoned by role/first; role/second began another one");
  });
});

describe("several actors with the same goal", () => {
  it("are one rollback: one acts and the others report its result", async () => {
    const scene = world();
    const owners = ["automatic", "watch", "alice", "bob"];
    const results = await Promise.all(owners.map((owner) => rollBack(scene, requestOf("2", owner))));
    expect(results.map(({ kind }) => kind).sort()).toEqual(["acted", "joined", "joined", "joined"]);
    expect(scene.functions.calls.of("moveAlias")).toHaveLength(1);
    for (const result of results) expect(result).toMatchObject({ record: { result: { outcome: "restored" } } });
  });

  it("write the alias once, in whatever order their calls come", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 2, max: 4 }), async (scheduler, actors) => {
        const scene = world();
        const slow = scheduled(scene, scheduler);
        const owners = Array.from({ length: actors }, (_, i) => `actor-${i}`);
        const results = await scheduler.waitFor(
          Promise.all(owners.map((owner) => rollBack(slow, requestOf("2", owner)))),
        );
        expect(aliasOf(scene)).toEqual({ functionVersion: "2", weights: {} });
        expect(scene.functions.functions.get("checkout")!.aliases.get("live")!.revision).toBe(3);
        expect(results).toHaveLength(actors);
      }),
      { numRuns: 200 },
    );
  });
});

describe("several actors with different goals", () => {
  it("are told apart: the second is refused with who, what, and since when", async () => {
    const scene = world();
    scene.functions.getVersion = async () => {
      await scene.clock.sleep(60_000);
      return undefined as never;
    };
    const first = rollBack(scene, requestOf("2", "alice")).catch(() => undefined);
    const second = rollBack({ ...scene }, requestOf("1", "bob"));
    await expect(second).rejects.toThrow(
      "role/alice has been putting checkout:live on version 2 since 2026-03-02T12:00:00.000Z (error-rate; check-target started), not on version 1",
    );
    await expect(second).rejects.toMatchObject({ code: "conflict" });
    await first;
  });

  it("end on a version that one of them asked for and was told of, in whatever order their calls come", async () => {
    const goal = fc.constantFrom("1", "2");
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(goal, { minLength: 2, maxLength: 4 }), async (scheduler, goals) => {
        const scene = world();
        const slow = scheduled(scene, scheduler);
        const results = await scheduler.waitFor(
          Promise.all(
            goals.map((version, i) =>
              rollBack(slow, requestOf(version, `actor-${i}`)).then(
                () => version,
                () => undefined,
              ),
            ),
          ),
        );
        const { functionVersion, weights } = aliasOf(scene);
        expect(weights).toEqual({});
        expect(results).toContain(functionVersion);
      }),
      { numRuns: 200 },
    );
  });
});

describe("clocks that are off", () => {
  const skewed = (scene: World, ms: number) => ({
    ...scene,
    clock: {
      now: () => new Date(scene.clock.now().getTime() + ms),
      sleep: (time: number, signal?: AbortSignal) => scene.clock.sleep(time, signal),
    },
  });

  it("by up to five minutes steal no lease from an actor that lives", async () => {
    const skew = fc.integer({ min: -300_000, max: 300_000 });
    await fc.assert(
      fc.asyncProperty(skew, skew, fc.integer({ min: 1, max: 120 }), async (first, second, seconds) => {
        const scene = world();
        const holder = skewed(scene, first);
        holder.functions = Object.create(scene.functions) as typeof scene.functions;
        holder.functions.getVersion = async (...args) => {
          await scene.clock.sleep(seconds * 1000);
          return scene.functions.getVersion(...args);
        };
        const seen = noticed();
        const acting = rollBack(holder, requestOf("2", "holder"));
        await scene.clock.sleep(10);
        const result = await rollBack(skewed(scene, second), requestOf("2", "other"), seen);
        await acting;
        expect(result.kind).toBe("joined");
        expect(seen.resumed).toEqual([]);
        expect(scene.functions.calls.of("moveAlias")).toHaveLength(1);
      }),
      { numRuns: 60 },
    );
  });
});

describe("a holder that stood still while its lease was taken", () => {
  it("begins no further step, and reports what the other one did", async () => {
    const scene = world();
    const holder = { ...scene, functions: Object.create(scene.functions) as typeof scene.functions };
    let wake = (): void => undefined;
    const stillness = new Promise<void>((resolve) => {
      wake = resolve;
    });
    holder.functions.getVersion = (...args) => stillness.then(() => scene.functions.getVersion(...args));
    const seen = noticed();
    const acting = rollBack(holder, requestOf("2", "holder"), seen);
    await scene.clock.sleep(1);
    // Another actor has seen no sign of life and has the lease now.
    const before = recordOf(scene)!;
    const other = stepStarted(
      begin(requestOf("2", "other"), before, scene.clock.now()),
      "move-alias",
      scene.clock.now(),
    );
    scene.ledger.rollbacks.set("checkout:live", other);
    wake();
    await acting;
    expect(seen.joined).toEqual(["other"]);
    expect(scene.functions.calls.of("moveAlias")).toHaveLength(1);
    expect(recordOf(scene)?.fence).toBeGreaterThan(other.fence);
  });
});

describe("without the ledger", () => {
  it("a rollback runs all the same, and says so once", async () => {
    const scene = world();
    for (const call of ["getRollback", "putRollback", "archiveRollback"]) scene.ledger.calls.fail(call);
    const seen = noticed();
    const result = await rollBack(scene, requestOf("2", "a"), seen);
    expect(result).toMatchObject({ kind: "acted", value: "2", record: undefined });
    expect(aliasOf(scene)).toEqual({ functionVersion: "2", weights: {} });
    expect(seen.withoutLedger).toBeGreaterThanOrEqual(1);
  });

  it("a rollback waits two seconds for a ledger that hangs, and no more until traffic is back", async () => {
    const scene = world();
    for (const call of ["getRollback", "putRollback", "archiveRollback"]) scene.ledger.calls.hang(call);
    const startedAt = scene.clock.now().getTime();
    let movedAt = 0;
    const { moveAlias } = scene.functions;
    scene.functions.moveAlias = (move) => {
      movedAt = scene.clock.now().getTime();
      return moveAlias.call(scene.functions, move);
    };
    await rollBack(scene, requestOf("2", "a"));
    expect(movedAt - startedAt).toBe(2000);
  });

  it.each([1, 2, 3, 4, 5, 6, 7])(
    "that fails at write %i and comes back, the record is complete in the end",
    async (failing) => {
      const scene = world();
      let writes = 0;
      const { putRollback } = scene.ledger;
      scene.ledger.putRollback = (...args) => {
        writes += 1;
        return writes === failing ? Promise.reject(throttled()) : putRollback.apply(scene.ledger, args);
      };
      await rollBack(scene, requestOf("2", "a"));
      expect(recordOf(scene)).toMatchObject({
        owner: "a",
        steps: [{ state: "done" }, { state: "done" }, { state: "done" }],
        result: { outcome: "restored" },
      });
      await expect(rollBack(scene, requestOf("1", "b"))).resolves.toMatchObject({ kind: "acted" });
    },
  );

  it("a rollback closes the journal that a dead one left open, when the ledger answers again", async () => {
    const scene = world();
    const { actor, died } = mortal(scene, 6, "after");
    void rollBack(actor, requestOf("2", "a"));
    await died;
    expect(recordOf(scene)?.result).toBeUndefined();
    scene.ledger.calls.fail("getRollback", throttled(), 1);
    await rollBack(scene, requestOf("2", "b"));
    expect(recordOf(scene)).toMatchObject({ owner: "b", fence: 2, result: { outcome: "restored" } });
  });

  it("a rollback leaves the journal of one that lives alone", async () => {
    const scene = world();
    const others = begin(requestOf("2", "a"), undefined, scene.clock.now());
    scene.ledger.rollbacks.set("checkout:live", others);
    scene.ledger.calls.fail("getRollback", throttled(), 1);
    const beats = (async () => {
      for (let revision = 2; revision < 12; revision += 1) {
        await scene.clock.sleep(5000);
        scene.ledger.rollbacks.set("checkout:live", { ...others, revision });
      }
    })();
    await rollBack(scene, requestOf("2", "b"));
    await beats;
    expect(recordOf(scene)).toMatchObject({ owner: "a" });
  });

  it.each([
    ["does not write over that somebody else has put the same release back", { deploymentId: "d-1" }, "b"],
    ["writes over the record of another release", { deploymentId: "d-0" }, "a"],
    ["writes over a record that names no release", { deploymentId: undefined }, "a"],
  ])("a rollback that failed %s", async (_, others, owner) => {
    const scene = world();
    const mine = requestOf("2", "a", { deploymentId: others.deploymentId && "d-1" });
    scene.ledger.calls.fail("getRollback", throttled(), 1);
    scene.functions.moveAlias = async () => {
      const before = begin(requestOf("2", "b", others), undefined, scene.clock.now());
      scene.ledger.rollbacks.set("checkout:live", closed(before, "restored", "done", scene.clock.now()));
      throw throttled();
    };
    await expect(rollBack(scene, mine)).rejects.toThrow("Rate exceeded");
    expect(recordOf(scene)?.owner).toBe(owner);
    // What this one has come to is kept all the same.
    expect([...scene.ledger.archive.values()].map((record) => record.owner)).toContain("a");
  });

  it("a rollback tells a throttled ledger what was done, for some seconds", async () => {
    const scene = world();
    scene.ledger.calls.fail("getRollback", throttled(), 4);
    await rollBack(scene, requestOf("2", "b"));
    expect(recordOf(scene)).toMatchObject({ owner: "b", result: { outcome: "restored" } });
  });

  it("a rollback does not take a write of its own that came through late for its last one", async () => {
    const scene = world();
    const put = scene.ledger.putRollback.bind(scene.ledger);
    let writes = 0;
    let late: RollbackRecord | undefined;
    scene.ledger.putRollback = async (record, expected) => {
      writes += 1;
      if (writes === 4) {
        late = record;
        throw throttled();
      }
      if (writes === 5) scene.ledger.rollbacks.set("checkout:live", late!);
      return put(record, expected);
    };
    await rollBack(scene, requestOf("2", "a"));
    expect(recordOf(scene)).toMatchObject({ owner: "a", result: { outcome: "restored" } });
  });

  it("whose answer was lost, the actor knows its own lease", async () => {
    const scene = world();
    const { putRollback } = scene.ledger;
    // The service's own retry of a write that had its effect: the condition does not hold any more.
    scene.ledger.putRollback = async (...args) => {
      await putRollback.apply(scene.ledger, args);
      return false;
    };
    await expect(rollBack(scene, requestOf("2", "a"))).resolves.toMatchObject({ kind: "acted", value: "2" });
    expect(scene.functions.calls.of("moveAlias")).toHaveLength(1);
  });
});

/** The world's calls, each of which the scheduler lets run when it likes. */
function scheduled(scene: World, scheduler: fc.Scheduler): World {
  const wrap = <T extends object>(target: T, names: readonly (keyof T & string)[]): T => {
    const copy = Object.create(target) as T;
    for (const name of names) {
      const call = (target[name] as (...args: unknown[]) => Promise<unknown>).bind(target);
      Object.defineProperty(copy, name, { value: scheduler.scheduleFunction(call) });
    }
    return copy;
  };
  return {
    clock: scene.clock,
    functions: wrap(scene.functions, ["getAlias", "getVersion", "moveAlias"]),
    ledger: wrap(scene.ledger, ["getRollback", "putRollback", "archiveRollback"]),
  };
}
