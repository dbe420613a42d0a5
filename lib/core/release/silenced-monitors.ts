import { withinBudget } from "../deadline.ts";
import type { Clock, FlagsPort, FlagTarget, MonitoringPort } from "../ports.ts";

/** Reading and silencing monitors may not hold a kill up; AppConfig's verdict on the kill is the second chance. */
const SILENCE_LIMIT_MS = 2000;

export interface SilencePorts {
  flags: Pick<FlagsPort, "monitors">;
  monitoring: Pick<MonitoringPort, "alarmStates" | "alarmActions" | "setAlarmActions">;
  clock: Clock;
}

/** What a person runs when the actions of alarms could not be enabled again. */
export const enableCommand = (alarms: readonly string[]) =>
  `aws cloudwatch enable-alarm-actions --alarm-names ${alarms.join(" ")}`;

/** Says what is going on; a warning is something that a person may have to finish. */
export type Tell = (message: string, severity?: "warning") => void;

export interface SilenceOptions {
  target: FlagTarget;
  /** Silenced by an earlier run that was cut off: they are restored by this one. */
  leftOver: readonly string[];
  /** Writes down which alarms are silent, before they are, and `[]` when all speak again. */
  remember?: (alarms: string[]) => Promise<void>;
  tell: Tell;
}

/**
 * AppConfig rolls a deployment back while a monitored alarm is in ALARM or INSUFFICIENT_DATA, and at kill time it is.
 * It ignores alarms whose actions are disabled (AppConfig user guide, monitoring deployments, 2025). So the actions of
 * red monitors are disabled for as long as the kill takes, and of those only that were enabled before: what somebody
 * else had switched off stays off.
 */
export class SilencedMonitors {
  private readonly ports: SilencePorts;
  private readonly options: SilenceOptions;
  private readonly silent: Set<string>;

  constructor(ports: SilencePorts, options: SilenceOptions) {
    this.ports = ports;
    this.options = options;
    this.silent = new Set(options.leftOver);
  }

  get names(): string[] {
    return [...this.silent];
  }

  /** Never throws and takes at most two seconds: monitoring that cannot be read does not hold the kill up. */
  async silence(): Promise<void> {
    const { ports, options } = this;
    try {
      await withinBudget(ports.clock, SILENCE_LIMIT_MS, async ({ signal }) => {
        const red = await this.redAndSpeaking();
        signal.throwIfAborted();
        if (red.length === 0) return;
        await this.remember([...this.silent, ...red]);
        signal.throwIfAborted();
        for (const name of red) this.silent.add(name);
        await ports.monitoring.setAlarmActions(red, false);
        options.tell(`disabled the actions of red monitors for the time of the kill: ${red.join(", ")}`);
      });
    } catch (error) {
      options.tell(`monitors could not be silenced (${(error as Error).message}); going on`, "warning");
    }
  }

  /** Never throws: what could not be restored is said, and stays written down. */
  async restore(): Promise<void> {
    const { ports, options, names } = this;
    if (names.length === 0) return;
    try {
      await ports.monitoring.setAlarmActions(names, true);
      options.tell(`enabled the actions of ${names.join(", ")} again`);
    } catch (error) {
      const why = (error as Error).message;
      options.tell(
        `the actions of ${names.join(", ")} could not be enabled again (${why}); run: ${enableCommand(names)}`,
        "warning",
      );
      return;
    }
    await this.remember([]);
  }

  private async redAndSpeaking(): Promise<string[]> {
    const { flags, monitoring } = this.ports;
    const names = await flags.monitors(this.options.target);
    if (names.length === 0) return [];
    const states = await monitoring.alarmStates(names);
    const red = names.filter((name) => states[name] === "ALARM" || states[name] === "INSUFFICIENT_DATA");
    if (red.length === 0) return [];
    const actions = await monitoring.alarmActions(red);
    return red.filter((name) => actions[name]);
  }

  /** The note matters after a crash only: the kill goes on without it. */
  private async remember(alarms: string[]): Promise<void> {
    try {
      await this.options.remember?.(alarms);
    } catch (error) {
      this.options.tell(`silenced alarms could not be written down (${(error as Error).message}); going on`, "warning");
    }
  }
}
