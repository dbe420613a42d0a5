import { FLAG_PROFILE_NAME, flagApplicationName, flagEnvironmentName, MARKER_ALIAS } from "../../lib/contract/names.ts";
import { CLAIM_LEASE_MS } from "../../lib/core/release/lease.ts";
import { done, type Goal, problemsOf } from "./ending.ts";
import { alarmEvent, onDeploymentEvents, verdictEvent } from "./events.ts";
import { type CommandRun, Responder, runCommand, type Skew } from "./programs.ts";
import {
  ALIAS,
  drive,
  ENVIRONMENT,
  FLAG,
  FUNCTION,
  GROUP,
  openScene,
  type Scene,
  type SceneOptions,
  type Stage,
} from "./scene.ts";
import type { Call } from "./wire.ts";

/** Every way in which a rollback is begun here. */
export const ROLLBACKS = [
  "responder-in-shift",
  "responder-on-verdict",
  "responder-in-guard-time",
  "command-in-shift",
  "command-in-guard-time",
  "stop-command",
  "flags-command",
  "responder-of-group",
  "group-command",
] as const;
export type Rollback = (typeof ROLLBACKS)[number];
type Automatic = Extract<Rollback, `responder-${string}`>;

export const COMMANDS: Partial<Record<Rollback, (deploymentId: string) => string[]>> = {
  "command-in-shift": () => ["--action", "rollback-function", "--function-name", FUNCTION, "--alias", ALIAS],
  "command-in-guard-time": () => ["--action", "rollback-function", "--function-name", FUNCTION, "--alias", ALIAS],
  "stop-command": (deploymentId) => ["--action", "stop-deployment", "--deployment-id", deploymentId],
  "flags-command": () => [
    "--action",
    "rollback-flags",
    "--application-id",
    flagApplicationName(ENVIRONMENT),
    "--environment-id",
    flagEnvironmentName(ENVIRONMENT),
    "--profile-id",
    FLAG_PROFILE_NAME,
    "--flags",
    FLAG,
  ],
  "group-command": () => ["--action", "rollback-group", "--group", GROUP],
};

const GOALS: Record<Rollback, Goal> = {
  "responder-in-shift": { version: "1", flagOff: true, recorded: true, notifications: 2 },
  "responder-on-verdict": { version: "1", flagOff: true, recorded: true, notifications: 2 },
  "responder-in-guard-time": { version: "1", flagOff: true, recorded: true, notifications: 2 },
  "command-in-shift": { version: "1", recorded: true },
  "command-in-guard-time": { version: "1", recorded: true },
  "stop-command": { version: "1" },
  "flags-command": { flagOff: true },
  "responder-of-group": { version: "1", flagOff: true, recorded: true, group: true, notifications: 4 },
  "group-command": { version: "1", flagOff: true, group: true },
};

const stageOf = (rollback: Rollback): Stage =>
  rollback.endsWith("guard-time") || rollback === "flags-command" ? "guard-time" : "in-shift";
const isGrouped = (rollback: Rollback) => rollback.includes("group");

/** How EventBridge delivers an event: once, unless somebody says otherwise. `send` is one delivery, after so long. */
export type Deliver = (id: string, send: (copy: string, afterMs: number) => void) => void;
const deliverOnce: Deliver = (id, send) => send(id, 0);

/** A person runs a command that did not end well again, after so long. Milliseconds. */
const AGAIN_MS = 20_000;
/** Runs of the command, the first included. */
const MAX_RUNS = 5;

export interface Trial {
  problems: string[];
  /** Effects beyond the one that is due of each kind. */
  duplicates: string[];
  calls: Call[];
  notifications: number;
  struck: number;
  /** Virtual time from the first call to the end. */
  seconds: number;
  /** Runs of the command, or invocations of the responder. */
  runs: number;
  /** With `resume`: what is still wrong after that. */
  left: string[];
  /** How the last run of a command ended. */
  exitCode?: number | undefined;
}

export interface TrialOptions extends Omit<SceneOptions, "stage" | "grouped"> {
  /** Reads whose answers a stale read repeats. */
  remembered?: readonly Call[];
  /** A rollback that has not ended well gets one more run when all faults are over, as people would see to it. */
  resume?: boolean;
  /** So often the dead-letter queue is delivered again, under the same faults. */
  redrives?: number;
  deliver?: Deliver;
}

/** One rollback from its cause to rest, under faults, with the reruns that Lambda or the operator makes. */
export async function tryRollback(rollback: Rollback, options: TrialOptions = {}): Promise<Trial> {
  const { remembered = [], resume = false, redrives = 0, deliver = deliverOnce, ...sceneOptions } = options;
  const scene = await openScene({ ...sceneOptions, stage: stageOf(rollback), grouped: isGrouped(rollback) });
  await scene.wire.remember(remembered);
  const startMs = scene.aws.clock.now();
  const attempt = await perform(scene, rollback, { redrives, deliver });
  const seconds = (scene.aws.clock.now() - startMs) / 1000;
  const problems = [...attempt.troubles, ...(await problemsAtRest(scene, rollback))];
  const { calls, struck } = scene.wire;
  const trial = {
    problems,
    duplicates: duplicatesOf(calls),
    calls: [...calls],
    notifications: done(calls, "sns", "Publish"),
    struck,
    seconds,
    runs: attempt.runs,
    exitCode: attempt.exitCode,
  };
  let left: string[] = [];
  if (resume && problems.length > 0) {
    scene.wire.isCalm = true;
    left = [...(await attempt.again()), ...(await problemsAtRest(scene, rollback))];
  }
  await scene.aws.close();
  return { ...trial, left };
}

/** A rollback of CodeDeploy that is under way comes to rest by itself. */
async function problemsAtRest(scene: Scene, rollback: Rollback): Promise<string[]> {
  await scene.aws.clock.advanceBy(120_000);
  return problemsOf(scene, GOALS[rollback]);
}

interface Attempt {
  runs: number;
  exitCode: number | undefined;
  troubles: string[];
  /** What people do about it; answers what is in the way even then. */
  again(): Promise<string[]>;
}

type HowOften = Required<Pick<TrialOptions, "redrives" | "deliver">>;

async function perform(scene: Scene, rollback: Rollback, howOften: HowOften): Promise<Attempt> {
  const argv = COMMANDS[rollback]?.(scene.deploymentId);
  if (argv) {
    const all = await drive(scene, runUntilDone(scene, argv));
    const last = all.at(-1)!;
    const again = async () => troublesOf((await drive(scene, runUntilDone(scene, argv))).at(-1)!);
    return { runs: all.length, exitCode: last.exitCode, troubles: troublesOf(last), again };
  }
  const responder = new Responder(scene.aws.world, scene.wire);
  await respondUntilDone(scene, responder, rollback as Automatic, howOften);
  const again = async () => {
    await redrive(scene, responder, "calm");
    return responder.deadLetters.length > 0 ? ["the responder fails"] : [];
  };
  return { runs: responder.invocations.length, exitCode: undefined, troubles: [], again };
}

const troublesOf = ({ exitCode, stderr }: CommandRun): string[] =>
  exitCode === 0 ? [] : [`exit ${exitCode}: ${stderr.trim().split("\n").slice(-2).join(" | ")}`];

const ONCE: readonly (readonly [string, string])[] = [
  ["lambda", "UpdateAlias"],
  ["appconfig", "StartDeployment"],
  ["appconfig", "StopDeployment"],
];

export const duplicatesOf = (calls: readonly Call[]) =>
  ONCE.flatMap(([service, operation]) => {
    // Each alias is a thing of its own; doctor's, which serves nobody, counts for nothing.
    const things = new Set(calls.map(thingOf).filter((thing) => !thing.endsWith(MARKER_ALIAS)));
    return [...things].flatMap((thing) => {
      const times = done(
        calls.filter((call) => thingOf(call) === thing),
        service,
        operation,
      );
      return times > 1 ? [`${operation} × ${times}`] : [];
    });
  });

const thingOf = ({ input }: Call) => {
  const { FunctionName, Name } = input as { FunctionName?: string; Name?: string };
  return `${FunctionName}:${Name}`;
};

export async function runUntilDone(
  scene: Scene,
  argv: readonly string[],
  { name = "command", ...skew }: Skew & { name?: string } = {},
): Promise<CommandRun[]> {
  const runs: CommandRun[] = [];
  for (;;) {
    const one = `${name}-${runs.length + 1}`;
    const run = await runCommand(scene.aws.world, scene.wire, one, ["rollback", ...argv], skew);
    runs.push(run);
    if (run.exitCode === 0 || runs.length >= MAX_RUNS) return runs;
    await scene.aws.clock.sleep(AGAIN_MS);
  }
}

/** The cause, and then every state of a deployment that follows from it. */
async function respondUntilDone(
  scene: Scene,
  responder: Responder,
  rollback: Automatic,
  { redrives, deliver: howOften }: HowOften,
): Promise<void> {
  const deliver = (event: object, id: string) =>
    howOften(id, (copy, afterMs) => void responder.deliver(event, copy, { afterMs }));
  const stop = onDeploymentEvents(scene, deliver);
  const cause = {
    "responder-in-shift": () => alarmEvent(scene, "2"),
    "responder-on-verdict": () => verdictEvent(scene.deploymentId),
    "responder-in-guard-time": () => alarmEvent(scene),
    "responder-of-group": () => alarmEvent(scene, "2"),
  };
  deliver(cause[rollback](), "cause");
  await drive(scene, atRest(scene, responder));
  for (let i = 1; i <= redrives && responder.deadLetters.length > 0; i += 1) {
    await redrive(scene, responder, `redrive-${i}`);
    await drive(scene, atRest(scene, responder));
  }
  stop();
}

/** Its alarm has called a person, who delivers again what is in the dead-letter queue when claims of dead runs are free. */
async function redrive(scene: Scene, responder: Responder, name: string): Promise<void> {
  await scene.aws.clock.advanceBy(CLAIM_LEASE_MS + 60_000);
  const deliveries = responder.deadLetters.splice(0).map((event, i) => responder.deliver(event, `${name}-${i}`));
  await drive(scene, Promise.all(deliveries));
}

/** No event is left, and none can come any more. */
export async function atRest(scene: Scene, responder: Responder): Promise<void> {
  const { clock } = scene.aws;
  for (;;) {
    await clock.sleep(1000);
    if (!responder.isIdle) continue;
    const { status, rollbackDeploymentId } = await scene.ports.deployments.get(scene.deploymentId);
    const rollback = rollbackDeploymentId && (await scene.ports.deployments.get(rollbackDeploymentId)).status;
    const isOver = (one: string | undefined) => !one || ["Succeeded", "Failed", "Stopped"].includes(one);
    if (
      isOver(rollback) &&
      (isOver(status) || !scene.wire.calls.some(({ operation }) => operation === "StopDeployment"))
    ) {
      await clock.sleep(2000);
      if (responder.isIdle) return;
    }
  }
}
