import { SeededRandom } from "../../lib/local/kernel/random.ts";
import { done, problemsOf } from "./ending.ts";
import { alarmEvent, onDeploymentEvents } from "./events.ts";
import { Responder, runCommand } from "./programs.ts";
import { atRest, COMMANDS, duplicatesOf, runUntilDone } from "./rollbacks.ts";
import { ALIAS, drive, FUNCTION, openScene, type Scene } from "./scene.ts";
import { add, emptyTally, mine, type Part, raise, type Tally } from "./tally.ts";
import type { PlannedFault } from "./wire.ts";

const RUNS = 5000;
const SKEW_MS = 5 * 60_000;
const LATENCY_MS = 400;
const APART_MS = 15_000;
/** One of the actors dies in every fourth run. */
const DIES = 0.25;
const CALLS = 120;

type Kind = "responder" | "operator" | "doctor";
const KINDS: readonly Kind[] = ["responder", "operator", "doctor"];

/**
 * Two to eight actors at once, each with a clock of its own: the responder on an alarm, operators with rollback-function, and
 * doctor --repair. How their calls interleave is drawn with the calls' latencies.
 */
export async function manyActors(part: Part): Promise<Tally> {
  const tally = emptyTally();
  for (const seed of mine(RUNS, part)) {
    const random = new SeededRandom(`actors/${seed}`);
    const stage = random.chance(0.5) ? "in-shift" : "guard-time";
    const first: Kind = random.chance(0.5) ? "responder" : "operator";
    const more = random.integer(1, 7);
    const kinds = [first, ...Array.from({ length: more }, () => KINDS[random.integer(0, KINDS.length - 1)]!)];
    const dies = random.chance(DIES);
    const faults: PlannedFault[] = dies ? [{ n: random.integer(1, CALLS), fault: "kill" }] : [];
    const latencyMs = () => random.integer(0, LATENCY_MS);
    const scene = await openScene({ stage, seed, faults, latencyMs });
    const startMs = scene.aws.clock.now();
    const refused = await drive(scene, act(scene, kinds, random));
    const seconds = (scene.aws.clock.now() - startMs) / 1000;
    await scene.aws.clock.advanceBy(120_000);
    // What a person has rolled back is theirs to finish: flags and news then are too.
    const isAutomatic = !kinds.includes("operator");
    const problems = await problemsOf(scene, {
      version: "1",
      recorded: true,
      ...(isAutomatic ? { flagOff: true, notifications: 2 } : {}),
    });
    const name = `seed ${seed}: ${stage}, ${kinds.join(" ")}${dies ? `, a kill at call ${faults[0]!.n}` : ""}`;
    tally.runs += 1;
    if (problems.length > 0) tally.failures.push(`${name}: ${problems.join("; ")}`);
    const duplicates = duplicatesOf(scene.wire.calls);
    if (duplicates.length > 0) tally.duplicates.push(`${name}: ${duplicates.join("; ")}`);
    raise(tally, "seconds", seconds);
    raise(tally, "notifications", done(scene.wire.calls, "sns", "Publish"));
    add(tally, "operators", kinds.filter((kind) => kind === "operator").length);
    add(tally, "operators refused", refused);
    await scene.aws.close();
  }
  return tally;
}

/** Answers how many operators were not done in the end. */
async function act(scene: Scene, kinds: readonly Kind[], random: SeededRandom): Promise<number> {
  const { world, clock } = scene.aws;
  const responder = new Responder(world, scene.wire);
  const skewMs = () => random.integer(-SKEW_MS, SKEW_MS);
  const stop = onDeploymentEvents(scene, (event, id) => void responder.deliver(event, id, { skewMs: skewMs() }));
  const argv = COMMANDS["command-in-shift"]!(scene.deploymentId);
  const version = scene.stage === "in-shift" ? "2" : undefined;
  let refused = 0;
  await Promise.all(
    kinds.map(async (kind, i) => {
      const skew = { skewMs: skewMs() };
      await clock.sleep(random.integer(0, APART_MS));
      switch (kind) {
        case "responder":
          return responder.deliver(alarmEvent(scene, version), `responder-${i}`, skew);
        case "operator": {
          const runs = await runUntilDone(scene, argv, { name: `operator-${i}`, ...skew });
          if (runs.at(-1)?.exitCode !== 0) refused += 1;
          return;
        }
        case "doctor":
          await runCommand(world, scene.wire, `doctor-${i}`, DOCTOR, skew);
      }
    }),
  );
  await atRest(scene, responder);
  stop();
  return refused;
}

const DOCTOR = ["doctor", "--functions", FUNCTION, "--alias", ALIAS, "--repair"] as const;
