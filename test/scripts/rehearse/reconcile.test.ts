import { afterEach, expect, it } from "vitest";
import { type LocalAws, startLocalAws } from "../../../lib/local/index.ts";
import { command as doctor } from "../../../scripts/doctor.ts";
import { loadScenario, ownApp } from "../../../scripts/rehearse/library.ts";
import { Rehearsal } from "../../../scripts/rehearse/run-scenario.ts";
import { command as rollback } from "../../../scripts/rollback.ts";
import { LocalCommand } from "../local-run.ts";

/** As the shipped policy has it after a rollback. */
const COOLDOWN_MS = 300_000;

let aws: LocalAws;
afterEach(() => aws.close());

/** Runs a command while the rehearsal's traffic goes on. */
async function run(rehearsal: Rehearsal, make: typeof doctor, ...argv: string[]) {
  const command = new LocalCommand(aws);
  const running = command.run(make, [...argv, "--json"]);
  const exitCode = await rehearsal.stage.advanceWhile(running, async () => command.isSleeping());
  return { exitCode, document: command.ended(exitCode).json() };
}

it.each([
  ["its deployment through the API", "api"],
  ["the CDK CLI", "cdk"],
] as const)(
  "a rollback by hand and doctor leave the sample app where %s succeeds next, the bad version unserved",
  async (_, deployWith) => {
    const healthy = loadScenario("healthy");
    aws = await startLocalAws({ startMs: Date.parse("2026-03-02T12:00:00.000Z") });
    const options = { seed: 1, deployWith, app: ownApp("bin/app"), environment: "dev" };
    const rehearsal = new Rehearsal(aws, healthy, options);
    await rehearsal.install();
    const { functionName } = rehearsal;
    const deploy = (artifact: string) =>
      rehearsal.release({ artifact, canary: healthy.releases[0]!.canary, expected: "promoted" }, false);
    const bad = await deploy("bad");
    expect(bad).toMatchObject({ outcome: "promoted", canaryVersion: "2" });
    expect(
      (await run(rehearsal, rollback, "--action", "rollback-function", "--function-name", functionName)).exitCode,
    ).toBe(0);
    const rolledBackAtMs = aws.clock.now() + 60_000;

    const refused = await deploy("fix-too-early");
    expect(refused).toMatchObject({ outcome: "failed", stackStatus: "UPDATE_ROLLBACK_COMPLETE" });
    expect(refused.alias).toEqual({ functionVersion: "1", weights: {} });
    const said = rehearsal.recorder.events
      .filter(({ kind }) => kind === "notification")
      .map((event) => JSON.stringify(event));
    expect(said.at(-1)).toContain(`goaround doctor --functions ${functionName} --alias live --repair`);

    const repaired = await run(rehearsal, doctor, "--functions", functionName, "--repair");
    expect(repaired).toMatchObject({ exitCode: 0, document: { remaining: [] } });
    await rehearsal.stage.advanceWhile(aws.clock.sleep(COOLDOWN_MS), async () => true);
    const fixed = await deploy("fix");
    expect(fixed).toMatchObject({ outcome: "promoted", stackStatus: "UPDATE_COMPLETE" });
    const late = rehearsal.stage.minutes.filter(({ minuteMs }) => minuteMs >= rolledBackAtMs);
    expect(late.filter(({ version }) => version === "2")).toEqual([]);
    expect(late.length).toBeGreaterThan(10);
    const { document } = await run(rehearsal, doctor, "--all");
    expect(document).toMatchObject({ exitCode: 0, findings: [] });
  },
  400_000,
);
