import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { afterAll, describe, expect, it } from "vitest";
import { readMinutes } from "../../lib/adapters/metric-data.ts";
import { clientConfig } from "../../lib/adapters/options.ts";
import { adapterOptions, LocalScene } from "./local-scene.ts";

const scene = new LocalScene("2026-03-02T12:03:00.000Z");
afterAll(() => scene.close());

const DIMENSIONS = { FunctionName: "checkout", Resource: "checkout:live", ExecutedVersion: "2" };
const MINUTE = { from: new Date("2026-03-02T12:00:00.000Z"), to: new Date("2026-03-02T12:01:00.000Z") };

/** 100 requests of 1, 2 … 100 ms in one minute; a CloudWatch that refuses trimmed counts with `refusal`. */
async function client(refusal: string): Promise<CloudWatchClient> {
  const aws = await scene.open();
  const values = Array.from({ length: 100 }, (_, i) => i + 1);
  const timestampMs = MINUTE.from.getTime() + 30_000;
  const record = (name: string, metricValues: number[], counts: number[]) =>
    aws.world.links.recordMetric({
      namespace: "AWS/Lambda",
      name,
      dimensions: DIMENSIONS,
      timestampMs,
      values: metricValues,
      counts,
    });
  record("Invocations", [1], [100]);
  record("Errors", [0], [100]);
  record(
    "Duration",
    values,
    values.map(() => 1),
  );
  const made = new CloudWatchClient({ ...clientConfig(adapterOptions(aws)), maxAttempts: 1 });
  made.middlewareStack.add(
    (next) => async (args) => {
      if (JSON.stringify(args.input).includes("TC(")) throw Object.assign(new Error("refused"), { name: refusal });
      return next(args);
    },
    { step: "initialize" },
  );
  return made;
}

describe("requests above a duration", () => {
  it("are bounded by percentiles where CloudWatch refuses to count them", async () => {
    const [minute] = await readMinutes(await client("ValidationError"), DIMENSIONS, MINUTE, [92, 200], undefined);
    expect(minute).toMatchObject({ invocations: 100, errors: 0 });
    // Eight are above 92 ms: the p90 is not, the p95 is.
    expect(minute!.slow).toEqual([
      { least: 5, most: 10 },
      { least: 0, most: 1 },
    ]);
  });

  it("are not guessed when CloudWatch could not be asked", async () => {
    const refused = readMinutes(await client("ThrottlingException"), DIMENSIONS, MINUTE, [92], undefined);
    await expect(refused).rejects.toMatchObject({ code: "throttled" });
  });
});
