import { factsOf, type Log } from "../../lib/core/log.ts";
import type {
  Clock,
  DeploymentInfo,
  DeploymentsPort,
  DeploymentTarget,
  FlagEvidencePort,
  LedgerPort,
  MonitoringPort,
  NotifierPort,
  TrafficRouting,
} from "../../lib/core/ports.ts";
import { hasEnded } from "../../lib/core/release/deployment.ts";
import { waitingFlags } from "../../lib/core/release/enable-flags.ts";
import { asOrdered, disarmedBy, heldWords } from "../../lib/core/release/environment-record.ts";
import { releaseNotification } from "../../lib/core/release/messages.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { ALARMS_UNREAD, rememberRed, unansweredAlarms } from "../../lib/core/release/red-alarms.ts";
import { ownAlarmNames } from "../../lib/core/release/release-facts.ts";
import { flagReasons } from "../../lib/core/release/release-flags.ts";
import { type LookWindow, type Shift, shiftOf } from "../../lib/core/release/shift.ts";
import {
  comparedTime,
  nextStagedStep,
  type StagedStep,
  waitsBefore,
  withJudged,
} from "../../lib/core/release/staged.ts";
import {
  alertOf,
  mustAskAgain,
  nextStep,
  remember,
  type WatchFacts,
  type WatchStep,
} from "../../lib/core/release/watch.ts";
import type { ResponderPort, ShiftPort, SignalPort, SweepPort } from "../../lib/core/release/watch-ports.ts";
import { closePromoted } from "../runtime/close-release.ts";
import { concludeRelease } from "../runtime/conclude-release.ts";
import { stopCounting, type UnsubscribePorts } from "../runtime/log-subscription.ts";
import { tellOnce } from "../runtime/tell-once.ts";
import { watchEnabling } from "./enable-flags.ts";
import { watchFlags } from "./flag-watcher.ts";
import { KnownRelease, type KnownReleasePorts, type Remembered } from "./known-release.ts";
import { answerStaged, nextStage } from "./stages.ts";

export interface WatchPorts extends UnsubscribePorts, KnownReleasePorts {
  clock: Clock;
  deployments: Pick<DeploymentsPort, "get" | "target" | "routing" | "reportHook">;
  ledger: LedgerPort;
  monitoring: Pick<MonitoringPort, "alarmStates">;
  notifier: NotifierPort;
  signals: SignalPort;
  flagEvidence: FlagEvidencePort;
  responder: ResponderPort;
  shift: ShiftPort;
  sweep: Pick<SweepPort, "remove">;
}

/** What CodeDeploy and the ledger said is relied on for so long while a log is followed. Milliseconds. */
const FACTS_MS = 9000;
/** Shorter waits are spent inside the turn: another turn costs a second. */
export const STAY_MS = 12_000;

/** What CodeDeploy and the ledger said. */
interface Facts {
  at: Date;
  deployment: DeploymentInfo;
  target: DeploymentTarget | undefined;
}

interface Gathered extends WatchFacts {
  deployment: DeploymentInfo;
  release: ReleaseRecord;
  hookSince: Date | undefined;
  shift: Shift | undefined;
  /** The time in which both versions serve. */
  split: Shift | undefined;
  window: LookWindow | undefined;
  step: WatchStep | StagedStep;
  /** CodeDeploy and the ledger were not asked again. */
  isOld: boolean;
}

/** Watches one release, step by step; lives as long as a turn. All that it must not forget is in the ledger. */
export class ReleaseWatch {
  private readonly ports: WatchPorts;
  private readonly environment: string;
  private readonly log: Log;
  private readonly deploymentId: string;
  private readonly requestId: string;
  private readonly signal: AbortSignal;
  private readonly known: KnownRelease;
  private facts: Facts | undefined;
  private routing: { known: TrafficRouting | undefined } | undefined;
  /** The release bakes, and its alarms could not be read the last time. */
  private areAlarmsUnread = false;
  /** Of the release; known from the first step on. */
  openedAt: Date | undefined;

  constructor(
    ports: WatchPorts,
    environment: string,
    log: Log,
    deploymentId: string,
    requestId: string,
    signal: AbortSignal,
    remembered: Remembered,
  ) {
    this.ports = ports;
    this.environment = environment;
    this.log = log;
    this.deploymentId = deploymentId;
    this.requestId = requestId;
    this.signal = signal;
    this.known = new KnownRelease(ports, environment, log, deploymentId, remembered);
  }

  /** Does the next step, waiting excepted, and says which it was. */
  async step(): Promise<WatchStep | StagedStep> {
    let gathered = await this.gather();
    // Whatever is done is done on what is known now.
    if (gathered.isOld && gathered.step.kind !== "wait" && gathered.step.kind !== "look") {
      this.facts = undefined;
      gathered = await this.gather();
    }
    const { deployment, release, shift, step } = gathered;
    this.openedAt = new Date(release.openedAt);
    switch (step.kind) {
      case "done":
        this.log.info("the watch is over", { deploymentId: this.deploymentId, why: step.why });
        return this.afterwards(release, deployment, step);
      case "look":
        await this.look(gathered);
        break;
      case "roll-back":
        await this.askForRollback(release);
        break;
      case "attribute":
        await this.askWhoseDoing(release);
        break;
      case "report":
        if (!(await this.report(release, shift, step.verdict))) break;
        return { kind: "wait", until: new Date(this.ports.clock.now().getTime() + STAY_MS), phase: "bake" };
      case "set-share":
        await this.known.write((await nextStage(this.ports, release, step.percent, this.log)) ?? {});
        break;
      case "answer":
        await answerStaged(this.ports, release, step, this.log);
        break;
    }
    return step;
  }

  private async gather(): Promise<Gathered> {
    const { clock, signals } = this.ports;
    const isOld = this.facts !== undefined && this.mayRelyOn(this.facts);
    const { deployment, target } = isOld ? this.facts! : await this.ask();
    const shift = shiftOf(target);
    const recorded = this.known.now!;
    const routing = await this.readRouting(deployment.configuration);
    const split = comparedTime(recorded, { shift, routing });
    const flags = split.shift && !hasEnded(deployment) ? await this.lookAtFlags(recorded, split.shift) : undefined;
    const now = clock.now();
    const known = asOrdered(this.known.now!, this.known.orders, now);
    const isBaking = shift?.endedAt !== undefined && known.handedOverAt !== undefined && !hasEnded(deployment);
    const release = isBaking && !isOld ? await this.lookAtAlarms(known) : known;
    const isBad = release.judging?.verdict.kind === "rollback";
    const compared = split.shift && { release, ...split, shift: split.shift };
    const ahead = compared && !isBad ? await signals.next(compared, now) : undefined;
    const hookSince = release.staged && waitsBefore(target);
    const unanswered = isBaking && release.policy.automaticRollback ? unansweredAlarms(release) : [];
    const facts = { now, deployment, shift, release, hookSince, nextLookAt: ahead?.at, unanswered };
    const step = decide(facts);
    if (step.kind === "wait" && flags?.nextAt && flags.nextAt < step.until) step.until = flags.nextAt;
    return { ...facts, split: split.shift, window: ahead?.window, step, isOld };
  }

  private async ask(): Promise<Facts> {
    const { clock, deployments } = this.ports;
    const codeDeploys = Promise.all([deployments.get(this.deploymentId), deployments.target(this.deploymentId)]);
    await this.known.read(codeDeploys);
    const [deployment, target] = await codeDeploys;
    this.facts = { at: clock.now(), deployment, target };
    return this.facts;
  }

  /** A log is asked every second or two: that is no reason to ask CodeDeploy as often, whose limits all releases share. */
  private mayRelyOn({ at }: Facts): boolean {
    const { signals, judging } = this.known.now!;
    const isByLog = signals !== undefined && judging?.logs?.left === undefined;
    return isByLog && this.ports.clock.now().getTime() - at.getTime() < FACTS_MS;
  }

  /** It does not change while a deployment runs; one that cannot be read is asked for again with the next step. */
  private async readRouting(configuration: string | undefined): Promise<TrafficRouting | undefined> {
    if (configuration === undefined || this.routing) return this.routing?.known;
    this.routing = { known: await this.ports.deployments.routing(configuration) };
    return this.routing.known;
  }

  private async lookAtFlags(release: ReleaseRecord, shift: Shift, early?: Date) {
    const looked = await watchFlags(this.ports, release, { shift, early }, this.log);
    if (looked.changes) await this.known.write(looked.changes);
    return looked;
  }

  /** Lost events leave no trace but this: an alarm that is red. */
  private async lookAtAlarms(release: ReleaseRecord): Promise<ReleaseRecord> {
    const { clock, monitoring } = this.ports;
    if (!release.policy.automaticRollback) return release;
    let watch = release.watch;
    const isRead = await this.bestEffort("reading the alarms of the alias", async () => {
      const states = await monitoring.alarmStates(ownAlarmNames(this.environment, release));
      const red = rememberRed(release, states, clock.now());
      if (red) watch = { unseen: 0, ...release.watch, red };
    });
    this.areAlarmsUnread = !isRead;
    if (watch !== release.watch) await this.known.write({ watch });
    return { ...release, watch };
  }

  private async look(gathered: Gathered): Promise<void> {
    const { release, window, split: shift } = gathered;
    const judging = await this.ports.signals.look(release, window!, this.signal);
    const watch = remember(release.watch, judging);
    const staged = release.staged && withJudged(release.staged, release.judging, judging);
    const seen = { judging, watch, ...(staged ? { staged } : {}) };
    const writing = this.known.write(seen);
    const isByLog = judging.logs !== undefined && !judging.logs.left;
    const isBad = decide({ ...gathered, release: { ...release, ...seen }, nextLookAt: undefined }).kind === "roll-back";
    // Seconds count: what is written, and what flags have to do with it, can wait.
    if (isByLog && isBad) await this.askForRollback({ ...release, ...seen });
    await writing;
    // What functions tell of their flags comes by the minute, however soon their log is read.
    await this.lookAtFlags({ ...release, judging, watch }, shift!, isByLog ? undefined : window!.to);
    // Nobody asks the log any more: batches that come from here on would be counted for nothing.
    if (window!.last || judging.logs?.left) await this.stopCounting(release);
    const reasons = alertOf(watch, judging, release.policy);
    if (reasons.length > 0) {
      await this.tell({ ...release, judging }, reasons, judging.verdict.kind === "rollback");
    }
  }

  /** The responder has the levers, and pulls them once; it is asked again if nothing comes of it. */
  private async askForRollback(release: ReleaseRecord): Promise<void> {
    const { responder, clock } = this.ports;
    const judged = release.judging!.verdict;
    const verdict = { ...judged, reasons: [...judged.reasons, ...flagReasons(release, "harmful")] };
    this.log.warn("asking for a rollback", {
      deploymentId: this.deploymentId,
      reasons: verdict.reasons.map(({ code }) => code),
    });
    await responder.rollBack(this.deploymentId, verdict);
    await this.known.write({ watch: { unseen: 0, ...release.watch, askedAt: clock.now().toISOString() } });
  }

  /** What comes of it is a deployment that is stopped, or an answer in the record. */
  private async askWhoseDoing(release: ReleaseRecord): Promise<void> {
    const { responder, clock } = this.ports;
    this.log.warn("asking whose doing the red alarms are", { deploymentId: this.deploymentId, ...release.watch?.red });
    await responder.attribute(this.deploymentId);
    await this.known.write({ watch: { unseen: 0, ...release.watch, redAskedAt: clock.now().toISOString() } });
  }

  /** Undefined when no flag waits for this release any more. */
  private async enableFlags(release: ReleaseRecord, deployment: DeploymentInfo): Promise<WatchStep | undefined> {
    const enabling = await watchEnabling(this.ports, release, deployment, this.log);
    if (enabling?.changes) await this.known.write(enabling.changes);
    return enabling && { kind: "wait", until: enabling.nextAt, phase: "bake" };
  }

  /**
   * Tells CodeDeploy, and closes the books. A turn that comes after one that died gives the same answer. True when flags
   * wait for the end of the deployment.
   */
  private async report(release: ReleaseRecord, shift: Shift | undefined, judged: WatchVerdict): Promise<boolean> {
    const { deployments } = this.ports;
    const verdict = this.areAlarmsUnread ? { ...judged, findings: [...judged.findings, ALARMS_UNREAD] } : judged;
    const changes = release.postTrafficStatus
      ? { postTrafficStatus: release.postTrafficStatus }
      : await this.conclude(release, verdict, shift);
    const status = changes.postTrafficStatus;
    const answer = await deployments.reportHook({
      deploymentId: this.deploymentId,
      executionId: release.postTrafficHookId!,
      status,
    });
    this.log.info("reported", { deploymentId: this.deploymentId, status, answer, verdict: verdict.kind });
    const goesOn = status === "Succeeded" && waitingFlags(release).length > 0;
    const uncounted = await this.stopCounting(release);
    if (!goesOn && uncounted) await this.tidy();
    // Whoever else answered has closed the books, or the responder does.
    if (status === "Failed" || answer !== "reported") return goesOn;
    await this.bestEffort("closing the release", async () => {
      const current = { ...release, ...(await this.ports.ledger.getRelease(this.deploymentId)), ...changes };
      const closing = { owner: this.requestId, flagsFirst: true };
      await closePromoted(this.ports, this.environment, current, closing, this.log);
    });
    return goesOn;
  }

  /** What is not written down is not answered. A bad release does not wait for that: the responder pulls its lever without. */
  private async conclude(release: ReleaseRecord, verdict: WatchVerdict, shift: Shift | undefined) {
    try {
      return await concludeRelease(this.ports, release, { verdict, shift, actor: "watch" });
    } catch (error) {
      if (mustAskAgain(release, this.ports.clock.now())) await this.askForRollback(release);
      throw error;
    }
  }

  private async tell(release: ReleaseRecord, reasons: WatchVerdict["reasons"], isBad: boolean): Promise<void> {
    const claim = isBad ? "notify-bad" : "notify-hold";
    const telling = { deploymentId: this.deploymentId, claim, owner: this.requestId };
    const order = disarmedBy(this.known.orders, release.functionName, this.ports.clock.now());
    const why = heldWords(order);
    const notification = releaseNotification({
      environment: this.environment,
      release,
      outcome: "open",
      severity: isBad ? "critical" : "warning",
      reasons,
      findings: release.judging?.verdict.findings ?? [],
      trouble: isBad ? `the canary is bad and ${why}` : undefined,
    });
    await this.bestEffort("telling people", () => tellOnce(this.ports, telling, notification, this.log));
  }

  /** The sweep keeps what could not be tidied up. */
  private async afterwards(release: ReleaseRecord, deployment: DeploymentInfo, step: WatchStep) {
    const uncounted = await this.stopCounting(release);
    const enabling = await this.enableFlags(release, deployment);
    if (enabling) return enabling;
    if (uncounted) await this.tidy();
    return step;
  }

  private async stopCounting(release: ReleaseRecord): Promise<boolean> {
    if (!release.signals) return true;
    const stopped = await this.bestEffort("ending the counting of the log", () =>
      stopCounting(this.ports, release, this.log),
    );
    if (stopped) await this.known.write({ signals: undefined });
    return stopped;
  }

  private async tidy(): Promise<void> {
    await this.bestEffort("leaving the sweep", () => this.ports.sweep.remove(this.deploymentId));
  }

  private async bestEffort(what: string, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.log.error(`${what} failed`, { deploymentId: this.deploymentId, ...factsOf(error) });
      return false;
    }
  }
}

const decide = ({ hookSince, ...facts }: WatchFacts & Pick<Gathered, "hookSince" | "release" | "deployment">) =>
  hookSince ? nextStagedStep({ ...facts, hookSince }) : nextStep(facts);

type WatchVerdict = Extract<WatchStep, { kind: "report" }>["verdict"];
