import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../lib/local/kernel/clock.ts";
import { FaultInjector, type FaultTarget } from "../../../lib/local/kernel/faults.ts";
import { SeededRandom } from "../../../lib/local/kernel/random.ts";

const callOf = (name: string, more: Partial<FaultTarget> = {}): FaultTarget => ({
  service: "dynamodb",
  operation: "UpdateItem",
  principalArn: "arn:aws:sts::111122223333:assumed-role/signals/signals",
  input: { Key: name },
  invocation: "first",
  ...more,
});
const names = Array.from({ length: 40 }, (_, i) => `item ${i}`);

async function fates(calls: FaultTarget[], rule = { probability: 0.3 }): Promise<Map<string, boolean[]>> {
  const faults = new FaultInjector(new VirtualClock(0), new SeededRandom("faults"));
  faults.inject({ service: "*", operation: "*", kind: "throttle", ...rule });
  const fate = new Map<string, boolean[]>();
  for (const target of calls) {
    const key = `${target.invocation} ${target.input.Key}`;
    const struck = await faults.around(target, async () => false).catch(() => true);
    fate.set(key, [...(fate.get(key) ?? []), struck]);
  }
  return fate;
}

describe("faults that strike by chance", () => {
  it("strike the same calls in whatever order they arrive", async () => {
    const calls = [...names, ...names].map((name) => callOf(name));
    expect(await fates(calls.toReversed())).toEqual(await fates(calls));
  });

  it("strike the same invocation of a function when two make the same calls", async () => {
    const calls = names.flatMap((name) => [callOf(name), callOf(name, { invocation: "second" })]);
    const again = names.flatMap((name) => [callOf(name, { invocation: "second" }), callOf(name)]);
    expect(await fates(again)).toEqual(await fates(calls));
  });

  it("strike about as often as they should, and not the same call for ever", async () => {
    const calls = Array.from({ length: 50 }, () => names.map((name) => callOf(name))).flat();
    const struck = [...(await fates(calls)).values()];
    const share = struck.flat().filter(Boolean).length / calls.length;
    expect(share).toBeGreaterThan(0.26);
    expect(share).toBeLessThan(0.34);
    expect(struck.every((fate) => fate.includes(false))).toBe(true);
  });

  it("do not tell tokens apart that are new in every run", async () => {
    const withToken = (token: string) => names.map((name) => callOf(name, { input: { Key: name, token } }));
    expect(await fates(withToken("0b0d7f14-67f1-4a3e-9d06-1f6f6ff1a001"))).toEqual(
      await fates(withToken("9c2a51b7-0f3c-4b8e-8a55-2e7d90cc6f42")),
    );
  });
});
