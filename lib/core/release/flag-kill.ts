import { killStrategyName, OWN_FLAG_DEPLOYMENT_PREFIX } from "../../contract/names.ts";
import { GoaroundError } from "../errors.ts";
import type { FlagDeployment, FlagsPort, FlagTarget } from "../ports.ts";
import { allOff, setFlags } from "./flag-document.ts";
import { SilencedMonitors, type SilencePorts, type Tell } from "./silenced-monitors.ts";

/** AWS's own strategy for when ours is not there: at once, but with a bake of 10 minutes. */
export const FALLBACK_STRATEGY = "AppConfig.AllAtOnce";
/** Two killers, or a killer and a release, may cross a few times; more often means that something is fighting back. */
const MAX_ROUNDS = 5;
/** States in which a deployment holds its environment (AppConfig API reference, 2026). */
export const UNFINISHED: ReadonlySet<string> = new Set(["DEPLOYING", "BAKING", "VALIDATING", "ROLLING_BACK"]);
/**
 * What is effective, a reader sees at its next poll: the AppConfig agent polls every 45 s unless told otherwise (AppConfig
 * agent documentation, 2026).
 */
export const READER_POLL_SECONDS = 45;
const KILL_PREFIX = `${OWN_FLAG_DEPLOYMENT_PREFIX} switch off`;
/** Another kill is done in seconds: stopping it would only make two killers stop each other. Milliseconds. */
const OTHER_KILL_MS = 10_000;

export interface FlagKillPorts extends SilencePorts {
  flags: FlagsPort;
}

export interface FlagKill {
  environment: string;
  target: FlagTarget;
  flags: readonly string[];
  /** Goes into the descriptions of version and deployment. */
  reason: string;
  /**
   * What to do about flags that the profile does not define, or a profile that was never deployed. `refuse` changes
   * nothing and throws `flags-missing`: a person has mistyped. `leave-out` (a policy may be older than the profile)
   * switches the others off.
   */
  unknown: "refuse" | "leave-out";
  /** Stop a flag deployment that is not ours. Default false: a conflict. */
  force?: boolean;
  /** How long a stranger's deployment is waited for. Milliseconds, default 0. */
  waitForStrangerMs?: number;
  /** Milliseconds between looks; default 1 s, growing to 5 s. */
  pollMs?: number;
  /** How long one deployment may take to end. Milliseconds, default 20 minutes (the fallback bakes for 10). */
  timeoutMs?: number;
  /**
   * Return when every reader gets the new values (`effective`), or when the deployment has ended (`complete`, default).
   * They differ by the bake of the fallback strategy; while red monitors are silenced the end is always awaited.
   */
  until?: "effective" | "complete";
  /** Aborts waiting; alarm actions are still restored. */
  signal?: AbortSignal;
  onProgress?: Tell;
  /** Called at each answer about the deployment that switches the flags off: when AppConfig has taken it, and after. */
  onAnswer?: () => void;
  /**
   * Told which alarms are being silenced before they are, and `[]` when they are restored: what it heard last is what
   * is still silent after a crash, or after a restore that failed.
   */
  rememberSilenced?: (alarms: string[]) => Promise<void>;
  /** What `rememberSilenced` was told by a run that was cut off. */
  silencedBefore?: readonly string[];
}

export interface FlagKillResult {
  outcome: "switched-off" | "already-off";
  switchedOff: string[];
  alreadyOff: string[];
  /** Not defined by the profile; only with `unknown: "leave-out"`. */
  unknown: string[];
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
 * ours), `partly-done` (our deployment was rolled back each time), `timed-out` or `interrupted`.
 */
export async function killFlags(ports: FlagKillPorts, kill: FlagKill): Promise<FlagKillResult> {
  const monitors = new SilencedMonitors(ports, {
    target: kill.target,
    leftOver: kill.silencedBefore ?? [],
    tell: kill.onProgress ?? (() => undefined),
    ...(kill.rememberSilenced === undefined ? {} : { remember: kill.rememberSilenced }),
  });
  try {
    return await new Killing(ports, kill, monitors).run();
  } finally {
    await monitors.restore();
  }
}

class Killing {
  private readonly ports: FlagKillPorts;
  private readonly kill: FlagKill;
  private readonly monitors: SilencedMonitors;
  private readonly startedAtMs: number;
  private readonly stopped: number[] = [];
  private readonly tell: Tell;

  constructor(ports: FlagKillPorts, kill: FlagKill, monitors: SilencedMonitors) {
    this.ports = ports;
    this.kill = kill;
    this.monitors = monitors;
    this.startedAtMs = ports.clock.now().getTime();
    this.tell = kill.onProgress ?? (() => undefined);
  }

  async run(): Promise<FlagKillResult> {
    const { ports, kill } = this;
    let switchedOff: string[] = [];
    for (let round = 1; round <= MAX_ROUNDS; round++) {
      kill.signal?.throwIfAborted();
      const active = await ports.flags.activeDeployment(kill.target);
      // A deployment of another profile is only in the way when there is something to deploy.
      const mayChangeOurs = active?.profileId === kill.target.profileId;
      if (mayChangeOurs) await this.clearTheWay();
      const deployed = await ports.flags.deployed(kill.target);
      if (!deployed) return this.neverDeployed();
      const { version } = deployed;
      const change = setFlags(deployed.document, allOff(kill.flags), kill.unknown);
      const known = { alreadyOff: change.unchanged, unknown: change.missing };
      if (change.changed.length === 0) {
        return switchedOff.length > 0
          ? this.result({ outcome: "switched-off", switchedOff, version, unknown: change.missing })
          : this.result({ ...known, version });
      }
      if (active && !mayChangeOurs) await this.clearTheWay();
      switchedOff = change.changed;
      const killed = await this.deploy(change.document, switchedOff);
      if (killed) return this.result({ outcome: "switched-off", switchedOff, ...known, ...killed });
    }
    throw new GoaroundError(
      "partly-done",
      "dependency",
      `${MAX_ROUNDS} flag deployments were rolled back or overtaken; still on: ${switchedOff.join(", ")}`,
      { advice: "Look at the environment's deployments and monitors, then run the same command again." },
    );
  }

  /** Undefined when it was rolled back, or somebody was faster: then the caller must look again. */
  private async deploy(document: Record<string, unknown>, flags: readonly string[]) {
    const { ports, kill } = this;
    await this.monitors.silence();
    const description = `${KILL_PREFIX} ${flags.join(", ")}: ${kill.reason}`;
    const version = await ports.flags.createVersion(kill.target, document, description);
    kill.signal?.throwIfAborted();
    const started = await this.start(version, description);
    if (!started) return undefined;
    kill.onAnswer?.();
    this.tell(`flag deployment ${started.number} started with strategy ${started.strategy}`);
    let effectiveSeconds: number | undefined;
    const isSeen = kill.until === "effective" && this.monitors.names.length === 0;
    const end = await this.follow(started.number, (state) => {
      kill.onAnswer?.();
      if (state === "BAKING" || state === "COMPLETE") effectiveSeconds ??= this.elapsedSeconds();
      return isSeen && state === "BAKING";
    });
    if (end.state !== "COMPLETE" && end.state !== "BAKING") {
      this.tell(`flag deployment ${started.number} ended as ${end.state}; trying again`);
      return undefined;
    }
    return {
      version,
      deploymentNumber: started.number,
      strategy: started.strategy,
      effectiveSeconds: effectiveSeconds ?? this.elapsedSeconds(),
    };
  }

  private async start(version: number, description: string) {
    const { ports, kill } = this;
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

  /** Makes the environment free: only one flag deployment can run on it, whatever its profile. */
  private async clearTheWay(): Promise<void> {
    const { ports, kill } = this;
    const startedAtMs = ports.clock.now().getTime();
    const waitedMs = () => ports.clock.now().getTime() - startedAtMs;
    for (;;) {
      const active = await ports.flags.activeDeployment(kill.target);
      if (!active) return;
      if (active.state === "ROLLING_BACK") {
        await this.follow(active.number);
        continue;
      }
      const ours = active.description.startsWith(OWN_FLAG_DEPLOYMENT_PREFIX);
      const otherKill = active.description.startsWith(KILL_PREFIX) && active.state !== "BAKING";
      const isPatient = otherKill && waitedMs() < OTHER_KILL_MS;
      const mayStop = !isPatient && (ours || kill.force === true);
      const refused = mayStop ? await this.stop(active) : undefined;
      if (mayStop && refused === undefined) continue;
      if (!isPatient && waitedMs() >= (kill.waitForStrangerMs ?? 0)) throw refused ?? notOurs(active);
      this.tell(`waiting for flag deployment ${active.number} ("${active.description}")`);
      await this.pause(kill.pollMs ?? 1000);
    }
  }

  /** The error when it goes on: one that cannot be stopped any more ends by itself, and is waited for like a stranger's. */
  private async stop(active: FlagDeployment): Promise<unknown> {
    const { ports, kill } = this;
    this.tell(`stopping flag deployment ${active.number} ("${active.description}")`);
    try {
      await ports.flags.stopDeployment(kill.target, active.number);
    } catch (error) {
      this.tell(`flag deployment ${active.number} could not be stopped (${(error as Error).message})`, "warning");
      return error;
    }
    this.stopped.push(active.number);
    await this.follow(active.number);
    return undefined;
  }

  /** Waits until a flag deployment has ended, or has come as far as the caller wants. */
  private async follow(number: number, isEnough: (state: string) => boolean = () => false): Promise<FlagDeployment> {
    const { ports, kill } = this;
    const timeoutMs = kill.timeoutMs ?? 20 * 60_000;
    const deadlineMs = ports.clock.now().getTime() + timeoutMs;
    let pollMs = kill.pollMs ?? 1000;
    let lastState = "";
    for (;;) {
      const deployment = await ports.flags.getDeployment(kill.target, number);
      if (deployment.state !== lastState) this.tell(`flag deployment ${number}: ${deployment.state}`);
      lastState = deployment.state;
      if (isEnough(deployment.state) || !UNFINISHED.has(deployment.state)) return deployment;
      if (ports.clock.now().getTime() >= deadlineMs) {
        throw new GoaroundError(
          "timed-out",
          "dependency",
          `flag deployment ${number} is still ${deployment.state} after ${timeoutMs / 1000} s`,
          { advice: "Run the same command again; it looks first and resumes." },
        );
      }
      await this.pause(pollMs);
      pollMs = Math.min(pollMs * 1.5, Math.max(5000, kill.pollMs ?? 0));
    }
  }

  private pause(ms: number): Promise<void> {
    return this.ports.clock.sleep(Math.min(ms, Math.max(5000, this.kill.pollMs ?? 0)), this.kill.signal);
  }

  private neverDeployed(): FlagKillResult {
    if (this.kill.unknown === "leave-out") return this.result({ unknown: [...this.kill.flags] });
    throw new GoaroundError("flags-missing", "operator", "this flag profile has never been deployed", {
      advice: "Without a deployment every reader uses its own defaults; there is nothing to switch off.",
    });
  }

  private elapsedSeconds(): number {
    return Math.max(0, (this.ports.clock.now().getTime() - this.startedAtMs) / 1000);
  }

  private result(known: Partial<FlagKillResult>): FlagKillResult {
    return {
      outcome: "already-off",
      switchedOff: [],
      alreadyOff: [],
      unknown: [],
      version: undefined,
      deploymentNumber: undefined,
      strategy: undefined,
      stoppedDeployments: this.stopped,
      silencedAlarms: this.monitors.names,
      effectiveSeconds: this.elapsedSeconds(),
      seconds: this.elapsedSeconds(),
      ...known,
    };
  }
}

const notOurs = (active: FlagDeployment) =>
  new GoaroundError(
    "conflict",
    "operator",
    `flag deployment ${active.number} (${active.state}, "${active.description}") holds the environment and is not ours to stop`,
    { advice: "Wait for it, or run the command again with --force: that stops it and undoes its change." },
  );
