import { afterAll, describe, expect, it } from "vitest";
import { createFlagEvidence } from "../../lib/adapters/flag-evidence.ts";
import { flagRecord } from "../../lib/contract/flag-record.ts";
import { adapterOptions, LocalScene } from "./local-scene.ts";

const START = Date.parse("2026-03-02T10:00:00Z");
const MINUTE = 60_000;

describe("flag evidence", () => {
  const scene = new LocalScene(new Date(START).toISOString());
  afterAll(() => scene.close());

  it("is what the functions told, by version and by the flag's state, over the minutes asked for", async () => {
    const aws = await scene.open();
    const at = aws.clock.now();
    const tell = (version: string, flag: string, state: "on" | "off", failed: boolean, atMs: number) =>
      aws.world.links.writeLogs("/aws/lambda/shop-cart", `2026/03/02/[${version}]abc`, [
        {
          timestampMs: atMs,
          message: flagRecord({ functionName: "shop-cart", version, flag, state, failed, atMs }),
        },
      ]);
    for (const failed of [true, true, false]) tell("7", "new_search", "on", failed, at);
    tell("7", "new_search", "off", false, at + MINUTE);
    tell("8", "new_search", "off", true, at + MINUTE);
    tell("8", "another_flag", "on", true, at);
    tell("7", "new_search", "on", true, at + 2 * MINUTE);
    await aws.clock.advanceBy(5 * MINUTE);

    const from = new Date(Math.floor(at / MINUTE) * MINUTE);
    const cohorts = await createFlagEvidence(adapterOptions(aws)).flagCohorts({
      functionName: "shop-cart",
      versions: ["7", "8", "9"],
      flag: "new_search",
      from,
      to: new Date(from.getTime() + 2 * MINUTE),
    });
    expect(cohorts).toEqual([
      { version: "7", on: { requests: 3, errors: 2 }, off: { requests: 1, errors: 0 } },
      { version: "8", on: { requests: 0, errors: 0 }, off: { requests: 1, errors: 1 } },
      { version: "9", on: { requests: 0, errors: 0 }, off: { requests: 0, errors: 0 } },
    ]);
  });
});
