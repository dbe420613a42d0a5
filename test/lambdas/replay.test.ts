import { describe, expect, it } from "vitest";
import { createPreTraffic } from "../../lambdas/pre-traffic/pre-traffic.ts";
import type { PolicyInput } from "../../lib/contract/policy.ts";
import type { FakePorts } from "../fakes/index.ts";
import { FUNCTION, ID, reported, runWork, scene, silent } from "./scene.ts";

const run = (ports: FakePorts) => runWork(ports, createPreTraffic(ports, "dev", silent));
const codes = (ports: FakePorts) => {
  const record = ports.ledger.releases.get(ID);
  return [
    ...(record?.verdict?.reasons ?? []),
    ...(record?.verdict?.findings ?? []),
    ...(record?.admissionFindings ?? []),
  ].map(({ code }) => code);
};
const asked = (ports: FakePorts) =>
  (ports.functions.calls.of("invoke") as { qualifier: string; payload: unknown; mark?: string }[]).map(
    ({ qualifier, payload, mark }) => ({ qualifier, payload, mark }),
  );

/** A recorded event `order`, and a queue with two dead letters; versions that fail them by `fails`. */
function replaying(
  replay: PolicyInput["replay"],
  fails: (version: string, payload: unknown) => boolean = () => false,
): FakePorts {
  const ports = scene({ replay });
  ports.policies.events.set(`${FUNCTION}:live:order`, '{"order":1}');
  ports.deadLetters.given("orders-dead", '{"order":2}', '{"order":3}');
  ports.functions.respond = ({ qualifier, payload }) =>
    fails(qualifier, payload) ? { functionError: "Unhandled" } : {};
  return ports;
}
const deadLetters = [{ queue: "orders-dead", holds: "events" as const }];

describe("past events before a release", () => {
  it("are asked of the new version and then of the one that serves, which are told that nobody of theirs asks", async () => {
    const ports = replaying({ events: ["order"], deadLetters });
    await run(ports);
    expect(reported(ports)).toBe("Succeeded");
    const of = (order: number) => ["2", "1"].map((qualifier) => ({ qualifier, payload: { order }, mark: "replay" }));
    expect(asked(ports)).toEqual([...of(1), ...of(2), ...of(3)]);
    expect(codes(ports)).toContain("replayed");
  });

  it("are asked of nobody where the policy names none, or the new version fails its smoke test", async () => {
    const plain = replaying(undefined);
    await run(plain);
    expect(asked(plain)).toEqual([]);

    const broken = scene({ replay: { events: ["order"] }, smokeTests: [{ name: "health" }] });
    broken.functions.respond = () => ({ functionError: "Unhandled" });
    await run(broken);
    expect(asked(broken)).toEqual([{ qualifier: "2", payload: {}, mark: undefined }]);
  });

  it("refuse a version that fails one which the version that serves handles, and say which", async () => {
    const ports = replaying(
      { deadLetters },
      (version, payload) => version === "2" && (payload as { order: number }).order === 3,
    );
    await run(ports);
    expect(reported(ports)).toBe("Failed");
    const [reason, ...others] = ports.ledger.releases.get(ID)?.verdict?.reasons ?? [];
    expect(others).toEqual([]);
    expect(reason?.message).toMatch(/^version 2 fails the message message-2 of orders-dead, which version 1 handles/);
    // Another try of the same version with another event may go well.
    expect(ports.ledger.aliases.get(`${FUNCTION}:live`)?.knownBad ?? {}).toEqual({});
  });

  it("are told, and refuse nothing, when both versions fail them or only the new one handles them", async () => {
    const both = replaying({ events: ["order"], deadLetters }, () => true);
    await run(both);
    expect([reported(both), codes(both)]).toEqual(["Succeeded", expect.arrayContaining(["replay-both-failed"])]);

    const fixed = replaying({ deadLetters }, (version) => version === "1");
    await run(fixed);
    expect([reported(fixed), codes(fixed)]).toEqual(["Succeeded", expect.arrayContaining(["replay-serving-failed"])]);
  });

  it("refuse a way back that the version that serves would not survive, where the policy says so", async () => {
    for (const [andBack, status] of [
      [true, "Failed"],
      [false, "Succeeded"],
    ] as const) {
      const ports = replaying({ events: ["order"], andBack }, (version) => version === "1");
      await run(ports);
      expect(reported(ports)).toBe(status);
    }
  });

  it("refuse where they cannot be read, since nobody knows then, and break-glass lets it through", async () => {
    for (const breakIt of [
      (ports: FakePorts) => ports.policies.events.clear(),
      (ports: FakePorts) => ports.deadLetters.calls.fail("peek"),
    ]) {
      const ports = replaying({ events: ["order"], deadLetters });
      breakIt(ports);
      await run(ports);
      expect([reported(ports), codes(ports)]).toEqual(["Failed", ["replay-unavailable"]]);
    }
    const through = replaying({ events: ["gone"] });
    through.ledger.environment.breakGlass.push({
      rules: ["replay-unavailable"],
      functionName: FUNCTION,
      by: "ops",
      at: "2026-03-02T11:00:00.000Z",
      until: "2026-03-02T13:00:00.000Z",
      reason: "SSM is down",
    });
    await run(through);
    expect([reported(through), codes(through)]).toEqual(["Succeeded", ["break-glass-replay-unavailable"]]);
  });

  it("end when their time is over, with what they have shown, and throttling counts against no version", async () => {
    const ports = replaying({ events: ["order"], deadLetters, seconds: 20 });
    let invocations = 0;
    const start = ports.clock.now().getTime();
    ports.functions.respond = () => {
      invocations += 1;
      if (invocations === 2) ports.functions.whileThrottled = () => ports.clock.sleep(600_000);
      return {};
    };
    await run(ports);
    expect(reported(ports)).toBe("Succeeded");
    expect(codes(ports)).toEqual(["replayed", "replay-incomplete"]);
    expect(ports.clock.now().getTime() - start).toBeLessThan(60_000);
  });

  it("count against no version when Lambda refuses to ask it", async () => {
    const ports = replaying({ events: ["order"] });
    ports.functions.calls.fail("invoke");
    await run(ports);
    expect([reported(ports), codes(ports)]).toEqual(["Succeeded", ["replayed", "replay-incomplete"]]);
  });

  it("take an answer that does not meet the policy's expression for a failure", async () => {
    const ports = replaying({ events: ["order"], expect: "ok" });
    ports.functions.respond = ({ qualifier }) => ({ payload: { ok: qualifier === "1" } });
    await run(ports);
    expect(codes(ports)).toContain("replay-failed");
  });

  it("take a message that the function gives back for a failure", async () => {
    const ports = replaying({ deadLetters: [{ queue: "orders-dead", holds: "messages", most: 1 }] });
    ports.functions.respond = ({ qualifier }) => ({
      payload: qualifier === "1" ? null : { batchItemFailures: [{ itemIdentifier: "message-1" }] },
    });
    await run(ports);
    expect(codes(ports)).toContain("replay-failed");
  });

  it("are none of the traffic that is counted", async () => {
    const ports = replaying({ events: ["order"] });
    ports.functions.respond = ({ qualifier }) => ({ requestId: `request-${qualifier}` });
    await run(ports);
    expect(JSON.stringify(ports.books.calls.log)).toMatch(/request-2.*request-1/);
  });
});
