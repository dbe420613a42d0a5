import { describe, expect, it } from "vitest";
import type { MonitoringPort } from "../../lib/core/ports.ts";

/**
 * The scene: alarms `goaround-dev-checkout.live.error-rate` in ALARM and `goaround-dev-checkout.live.duration` in OK.
 * Through alias `checkout:live`, from 12:00 to 12:02 on 2026-03-02 (UTC), each minute: version 1 ran 90 times with 0
 * errors and 50 ms each, version 2 ran 10 times with 5 errors and 100 ms each; the alias had at most 7 requests at once.
 * Version 2 has in namespace `Shop` 3 `Refusals` a minute under dimension `Version`. Nothing later; all is published.
 */
export interface MonitoringScene {
  port: MonitoringPort;
}

const RED = "goaround-dev-checkout.live.error-rate";
const GREEN = "goaround-dev-checkout.live.duration";
const at = (time: string) => new Date(`2026-03-02T${time}:00.000Z`);

export function describeMonitoringPort(name: string, makeScene: () => Promise<MonitoringScene>): void {
  describe(`monitoring port: ${name}`, () => {
    it("reads states of alarms and leaves out what does not exist", async () => {
      const { port } = await makeScene();
      expect(await port.alarmStates([RED, GREEN, "goaround-dev-none"])).toEqual({ [RED]: "ALARM", [GREEN]: "OK" });
    });

    it("answers nothing when asked for nothing", async () => {
      const { port } = await makeScene();
      expect(await port.alarmStates([])).toEqual({});
    });

    it("counts one version behind an alias over whole minutes", async () => {
      const { port } = await makeScene();
      const counts = await port.versionCounts({
        functionName: "checkout",
        alias: "live",
        version: "2",
        from: at("12:00"),
        to: at("12:02"),
      });
      expect(counts).toMatchObject({ invocations: 20, errors: 10 });
      expect(counts.averageDurationMs).toBeCloseTo(100, 3);
      expect(counts.p99DurationMs).toBeCloseTo(100, 0);
    });

    it("counts the whole alias", async () => {
      const { port } = await makeScene();
      const counts = await port.aliasCounts({
        functionName: "checkout",
        alias: "live",
        from: at("12:00"),
        to: at("12:02"),
      });
      expect(counts).toMatchObject({ invocations: 200, errors: 10 });
    });

    it("reports zero requests and no durations where nothing ran", async () => {
      const { port } = await makeScene();
      const counts = await port.versionCounts({
        functionName: "checkout",
        alias: "live",
        version: "2",
        from: at("12:02"),
        to: at("12:04"),
      });
      expect(counts).toEqual({
        invocations: 0,
        errors: 0,
        throttles: 0,
        averageDurationMs: undefined,
        p99DurationMs: undefined,
      });
    });

    it("counts minute by minute, and the requests above a duration", async () => {
      const { port } = await makeScene();
      const read = (version: string, slowThresholdsMs: number[]) =>
        port.minuteCounts({
          functionName: "checkout",
          alias: "live",
          version,
          from: at("12:00"),
          to: at("12:04"),
          slowThresholdsMs,
        });
      const slow = [{ least: 10, most: 10 }];
      expect(await read("2", [60])).toEqual([
        { at: at("12:00"), invocations: 10, errors: 5, slow },
        { at: at("12:01"), invocations: 10, errors: 5, slow },
      ]);
      expect((await read("1", [60])).map((minute) => minute.slow)).toEqual([
        [{ least: 0, most: 0 }],
        [{ least: 0, most: 0 }],
      ]);
    });

    it("tells the percentiles and the peak of an alias, and nothing where nothing ran", async () => {
      const { port } = await makeScene();
      const alias = { functionName: "checkout", alias: "live" };
      const served = { ...alias, from: at("12:00"), to: at("12:02") };
      expect(await port.durationPercentiles({ ...served, percentiles: [50, 99] })).toEqual({
        requests: 200,
        valuesMs: [50, 100],
      });
      expect(await port.peakConcurrency(served)).toBe(7);
      const silent = { functionName: "nobody", alias: "live", from: at("12:00"), to: at("12:02") };
      expect(await port.durationPercentiles({ ...silent, percentiles: [50, 99] })).toBeUndefined();
      expect(await port.peakConcurrency(silent)).toBeUndefined();
    });

    it("reads what a policy declares, of the version, as far back as it asks", async () => {
      const { port } = await makeScene();
      const refusals = {
        name: "refusals",
        namespace: "Shop",
        metric: "Refusals",
        statistic: "Sum",
        dimensions: {},
        versionDimension: "Version",
        scale: 1,
        periodSeconds: 60,
      } as const;
      const read = (version: string, windowMinutes: number) =>
        port.declaredMetrics({
          functionName: "checkout",
          alias: "live",
          version,
          since: at("12:00"),
          from: at("12:01"),
          to: at("12:02"),
          metrics: [{ ...refusals, windowMinutes }],
        });
      expect(await read("2", 1)).toEqual({ values: { refusals: 3 }, unreadable: {} });
      expect(await read("2", 5)).toEqual({ values: { refusals: 6 }, unreadable: {} });
      expect(await read("1", 5)).toEqual({ values: {}, unreadable: {} });
    });

    it("makes and deletes a version alarm", async () => {
      const { port } = await makeScene();
      const alarm = "goaround-dev-checkout.live.threshold.v2";
      await port.putVersionErrorAlarm({
        name: alarm,
        description: "Errors of version 2 over 5 %",
        errorRatePercent: 5,
        functionName: "checkout",
        alias: "live",
        version: "2",
        minSamples: 20,
      });
      expect(Object.keys(await port.alarmStates([alarm]))).toEqual([alarm]);
      await port.deleteAlarms([alarm]);
      expect(await port.alarmStates([alarm])).toEqual({});
    });

    it("disables and enables the actions of alarms, and of those alone, without touching their state", async () => {
      const { port } = await makeScene();
      await port.setAlarmActions([RED], false);
      expect(await port.alarmActions([RED, GREEN, "goaround-dev-none"])).toEqual({ [RED]: false, [GREEN]: true });
      await port.setAlarmActions([RED], true);
      expect(await port.alarmActions([RED])).toEqual({ [RED]: true });
      expect(await port.alarmStates([RED])).toEqual({ [RED]: "ALARM" });
    });
  });
}
