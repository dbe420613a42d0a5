import { describe, expect, it } from "vitest";
import { throttled } from "../fakes/faults.ts";
import type { FakePorts } from "../fakes/index.ts";
import { ALIAS_ALARM, alarmEvent, released, responder } from "./respond-scene.ts";
import { FUNCTION, ID } from "./scene.ts";

async function takenBack(): Promise<FakePorts> {
  const ports = await released();
  await responder(ports).send(alarmEvent(ALIAS_ALARM));
  return ports;
}
const moves = (ports: FakePorts) => ports.functions.calls.of("moveAlias");

describe("an alarm that comes again after the alias has gone back", () => {
  it("finishes the books although its first read of the alias is an old one", async () => {
    const ports = await takenBack();
    await ports.ledger.updateRelease(ID, { outcome: "promoted" });
    const read = ports.functions.getAlias.bind(ports.functions);
    let reads = 0;
    ports.functions.getAlias = async (...args) => {
      const alias = await read(...args);
      return reads++ === 0 ? { ...alias, functionVersion: "2" } : alias;
    };
    const before = ports.clock.now().getTime();
    await responder(ports).send(alarmEvent(ALIAS_ALARM));
    expect(ports.ledger.releases.get(ID)?.outcome).toBe("rolled-back");
    expect(moves(ports)).toHaveLength(1);
    expect(ports.clock.now().getTime() - before).toBeLessThan(60_000);
  });

  it("finishes flags, books and telling people where the guard died after a move that the ledger knows nothing of", async () => {
    const ports = await released();
    ports.functions.setAlias(FUNCTION, "live", "1");
    await ports.ledger.claim(ID, "guard", "request-1");
    const { send } = responder(ports);
    ports.notifier.calls.fail("notify", throttled(), 1);
    await expect(send(alarmEvent(ALIAS_ALARM), "request-1")).rejects.toThrow("Rate exceeded");
    await send(alarmEvent(ALIAS_ALARM), "request-1");
    expect(moves(ports)).toEqual([]);
    expect(ports.flags.values().new_api).toBe(false);
    expect(ports.ledger.releases.get(ID)).toMatchObject({ outcome: "rolled-back", actor: "respond" });
    expect(ports.notifier.sent.map(({ data }) => data.outcome)).toEqual(["rolled-back"]);
  });

  it.each(["respond", "doctor"])(
    "takes up a journal that whoever wrote it did not live to end (recorded by %s)",
    async (actor) => {
      const ports = await takenBack();
      await ports.ledger.updateRelease(ID, { actor });
      const journal = (await ports.ledger.getRollback(FUNCTION, "live"))!;
      await ports.ledger.putRollback(
        { ...journal, result: undefined, revision: journal.revision + 1 },
        journal.revision,
      );
      await responder(ports).send(alarmEvent(ALIAS_ALARM));
      expect((await ports.ledger.getRollback(FUNCTION, "live"))?.result?.outcome).toBe("restored");
      expect(moves(ports)).toHaveLength(1);
      expect(ports.notifier.sent).toHaveLength(1);
    },
  );
});
