import { describe, expect, it } from "vitest";
import type { MonitoringPort } from "../../lib/core/ports.ts";

/**
 * The scene: alarms `goaround-dev-checkout.live.error-rate` in ALARM and `goaround-dev-checkout.live.duration` in OK.
 * Through alias `checkout:live`, from 12:00 to 12:02 on 2026-03-02 (UTC), each minute: version 1 ran 90 times with 0
 * errors and 50 ms each, version 2 ran 10 times with 5 errors and 100 ms each. Nothing later; all of it is published.
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
