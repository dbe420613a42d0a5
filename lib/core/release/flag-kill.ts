import { killStrategyName, OWN_FLAG_DEPLOYMENT_PREFIX } from "../../contract/names.ts";
import { GoaroundError } from "../errors.ts";
import type { Clock, FlagDeployment, FlagsPort, FlagTarget, MonitoringPort } from "../ports.ts";
import { setFlags } from "./flag-document.ts";

/** AWS's own strategy for when ours is not there: at once, but with a bake of 10 minutes. */
export const FALLBACK_STRATEGY = "AppConfig.AllAtOnce";
/** Two killers, or a killer and a release, may cross a few times; more often means that something is fighting back. */
const MAX_ROUNDS = 5;
const UNFINISHED = new Set(["DEPLOYING", "BAKING", "VALIDATING", "ROLLING_BACK"]);

export interface FlagKillPorts {
  flags: FlagsPort;
  monitoring: Pick<MonitoringPort, "alarmStates" | "setAlarmActions">;
  clock: Clock;
}

export interface FlagKill {
  environment: string;
  target: FlagTarget;
  flags: readonly string[];
  /** Goes into the descriptions of version and deployment. */
  reason: string;
  /** Stop a flag deployment that is not ours. Default false: a conflict. */
  force?: boolean;
  /** How long a stranger's deployment is waited for. Milliseconds, default 0. */
  waitForStrangerMs?: number;
  /** Milliseconds between looks; default 1 s, growing to 5 s. */
  pollMs?: number;
  /** How long the kill's own deployment may take. Milliseconds, default 20 minutes (the fallback bakes for 10). */
  timeoutMs?: number;
  /** Aborts waiting; alarm actions are still restored. */
  signal?: AbortSignal;
  onProgress?: (message: string) => void;
  /** Told which alarms are being silenced before they are, and `[]` when they are restored, to survive a crash. */
  rememberSilenced?: (alarms: string[]) => Promise<void>;
}

export interface FlagKillResult {
  outcome: "switched-off" | "already-off";
  switchedOff: string[];
  alreadyOff: string[];
  version: number | undefined;
  deploymentNumber: number | undefined;
  strategy: string | undefined;
  /** Deployments that had to be stopped; what they were changing is undone too. */
  stoppedDeployments: number[];
  /** Monitors whose actions were disabled meanwhile. */
  silencedAlarms: string[];
  /** From the call until 100 % of readers get the new values at their next poll (the bake comes after that). */
  effectiveSeconds: number;
  /** From the call until everything had ended. */
  seconds: number;
}

/**
 * Switches flags off: a new version made from what is deployed now, rolled out at once. Never a revert, which would
 * bring back whatever the version before happened to hold. Throws `flags-missing`, `conflict` (a deployment that is not
 * ours), `partly-done` (our deployment was rolled back each time) or `interrupted`.
 */
export async function killFlags(ports: FlagKillPorts, kill: FlagKill): Promise<FlagKillResult> {
  const startedAtMs = ports.clock.now().getTime();
  const stoppedDeployments: number[] = [];
  const silenced = new Set<string>();
  const tell = kill.onProgress ?? (() => undefined);
  const elapsed = () => (ports.clock.now().getTime() - startedAtMs) / 1000;
  const result = (known: Partial<FlagKillResult>): FlagKillResult => ({
    effectiveSeconds: elapsed(),
    outcome: "already-off",
    switchedOff: [],
    alreadyOff: [],
    version: undefined,
    deploymentNumber: undefined,
    strategy: undefined,
    stoppedDeployments,
    silencedAlarms: [...silenced],
    seconds: elapsed(),
    ...known,
  });
  let switchedOff: string[] = [];
  try {
    for (let round = 1; round <= MAX_ROUNDS; round++) {
      const active = await ports.flags.activeDeployment(kill.target);
      // A deployment of another profile is only in the way when there is something to deploy.
      const mayChangeOurs = active?.profileId === kill.target.profileId;
      if (mayChangeOurs) await clearTheWay(ports, kill, stoppedDeployments, tell);
      const deployed = await ports.flags.deployed(kill.target);
      if (!deployed) {
        throw new GoaroundError("flags-missing", "operator", "this flag profile has never been deployed", {
          advice: "Without a deployment every reader uses its own defaults; there is nothing to switch off.",
        });
      }
      const change = setFlags(deployed.document, Object.fromEntries(kill.flags.map((flag) => [flag, false])));
      if (change.changed.length === 0) {
        return result(
          switchedOff.length > 0
            ? { outcome: "switched-off", switchedOff, version: deployed.version }
            : { alreadyOff: change.unchanged, version: deployed.version },
        );
      }
      if (active && !mayChangeOurs) await clearTheWay(ports, kill, stoppedDeployments, tell);
      switchedOff = change.changed;
      await silenceRedMonitors(ports, kill, silenced, tell);
      const description = `${OWN_FLAG_DEPLOYMENT_PREFIX} switch off ${change.changed.join(", ")}: ${kill.reason}`;
      const version = await ports.flags.createVersion(kill.target, change.document, description);
      const started = await startDeployment(ports, kill, version, description);
      if (started === undefined) continue;
      tell(`flag deployment ${started.number} started with strategy ${started.strategy}`);
      let effectiveSeconds: number | undefined;
      const end = await follow(ports, kill, started.number, tell, (state) => {
        if (state === "BAKING" || state === "COMPLETE") effectiveSeconds ??= elapsed();
      });
      if (end.state === "COMPLETE") {
        const { changed, unchanged } = change;
        return result({
          outcome: "switched-off",
          switchedOff: changed,
          alreadyOff: unchanged,
          version,
          deploymentNumber: started.number,
          strategy: started.strategy,
          ...(effectiveSeconds === undefined ? {} : { effectiveSeconds }),
        });
      }
      tell(`flag deployment ${started.number} ended as ${end.state}; trying again`);
    }
  } finally {
    await restoreMonitors(ports, kill, silenced, tell);
  }
  throw new GoaroundError(
    "partly-done",
    "dependency",
    `${MAX_ROUNDS} flag deployments were rolled back or overtaken; still on: ${switchedOff.join(", ")}`,
    { advice: "Look at the environment's deployments and monitors, then run the same command again." },
  );
}

/** Makes the environment free: only one flag deployment can run on it, whatever its profile. */
async function clearTheWay(ports: FlagKillPorts, kill: FlagKill, stopped: number[], tell: (message: string) => void) {
  const deadlineMs = ports.clock.now().getTime() + (kill.waitForStrangerMs ?? 0);
  for (;;) {
    const active = await ports.flags.activeDeployment(kill.target);
    if (!active) return;
    if (active.state === "ROLLING_BACK") {
      await follow(ports, kill, active.number, tell);
      continue;
    }
    const ours = active.description.startsWith(OWN_FLAG_DEPLOYMENT_PREFIX);
    if (!ours && !kill.force) {
      if (ports.clock.now().getTime() < deadlineMs) {
        tell(`waiting for flag deployment ${active.number}, which is not ours`);
        await ports.clock.sleep(Math.min(kill.pollMs ?? 1000, 5000), kill.signal);
        continue;
      }
      throw new GoaroundError(
        "conflict",
        "operator",
        `flag deployment ${active.number} (${active.state}, "${active.description}") holds the environment and is not ours`,
        { advice: "Wait for it, or run the command again with --force: that stops it and undoes its change." },
      );
    }
    tell(`stopping flag deployment ${active.number} ("${active.description}")`);
    await ports.flags.stopDeployment(kill.target, active.number);
    stopped.push(active.number);
    await follow(ports, kill, active.number, tell);
  }
}

async function startDeployment(ports: FlagKillPorts, kill: FlagKill, version: number, description: string) {
  for (const strategy of [killStrategyName(kill.environment), FALLBACK_STRATEGY]) {
    try {
      return { number: await ports.flags.deploy(kill.target, version, strategy, description), strategy };
    } catch (error) {
      if (!(error instanceof GoaroundError)) throw error;
      // Somebody was faster: look again, their content may already be what is wanted.
      if (error.code === "conflict") return undefined;
      if (error.code !== "flags-missing" || strategy === FALLBACK_STRATEGY) throw error;
    }
  }
  return undefined;
}

/** Waits until a flag deployment has ended. */
async function follow(
  ports: FlagKillPorts,
  kill: FlagKill,
  number: number,
  tell: (message: string) => void,
  onState: (state: string) => void = () => undefined,
): Promise<FlagDeployment> {
  const timeoutMs = kill.timeoutMs ?? 20 * 60_000;
  const deadlineMs = ports.clock.now().getTime() + timeoutMs;
  let pollMs = kill.pollMs ?? 1000;
  let lastState = "";
  for (;;) {
    const deployment = await ports.flags.getDeployment(kill.target, number);
    if (deployment.state !== lastState) tell(`flag deployment ${number}: ${deployment.state}`);
    lastState = deployment.state;
    onState(deployment.state);
    if (!UNFINISHED.has(deployment.state)) return deployment;
    if (ports.clock.now().getTime() >= deadlineMs) {
      throw new GoaroundError(
        "timed-out",
        "dependency",
        `flag deployment ${number} is still ${deployment.state} after ${timeoutMs / 1000} s`,
        { advice: "Run the same command again; it looks first and resumes." },
      );
    }
    await ports.clock.sleep(pollMs, kill.signal);
    pollMs = Math.min(pollMs * 1.5, Math.max(5000, kill.pollMs ?? 0));
  }
}

/**
 * AppConfig rolls a deployment back while a monitored alarm is in ALARM or INSUFFICIENT_DATA, and at kill time it is.
 * It ignores alarms whose actions are disabled (AppConfig user guide, monitoring deployments, 2025).
 * Monitoring that cannot be read does not hold the kill up.
 */
async function silenceRedMonitors(
  ports: FlagKillPorts,
  kill: FlagKill,
  silenced: Set<string>,
  tell: (message: string) => void,
) {
  try {
    const names = await ports.flags.monitors(kill.target);
    if (names.length === 0) return;
    const states = await ports.monitoring.alarmStates(names);
    const red = names.filter((name) => states[name] !== undefined && states[name] !== "OK" && !silenced.has(name));
    if (red.length === 0) return;
    await kill.rememberSilenced?.([...silenced, ...red]);
    for (const name of red) silenced.add(name);
    await ports.monitoring.setAlarmActions(red, false);
    tell(`disabled the actions of red monitors for the time of the kill: ${red.join(", ")}`);
  } catch (error) {
    tell(`monitors could not be silenced (${(error as Error).message}); going on`);
  }
}

async function restoreMonitors(
  ports: FlagKillPorts,
  kill: FlagKill,
  silenced: Set<string>,
  tell: (message: string) => void,
) {
  if (silenced.size === 0) return;
  const names = [...silenced];
  try {
    await ports.monitoring.setAlarmActions(names, true);
    await kill.rememberSilenced?.([]);
    tell(`enabled the actions of ${names.join(", ")} again`);
  } catch (error) {
    tell(
      `the actions of ${names.join(", ")} could not be enabled again (${(error as Error).message}); ` +
        `run: aws cloudwatch enable-alarm-actions --alarm-names ${names.join(" ")}`,
    );
  }
}
