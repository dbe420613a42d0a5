import type { Timer } from "../../kernel/clock.ts";
import type { SeededRandom } from "../../kernel/random.ts";
import type { World } from "../../kernel/service.ts";
import { AlarmHistory } from "./alarm-history.ts";
import {
  configurationFields,
  lambdaActionPayload,
  notification,
  stateChangeDetail,
  stateHistory,
  type Transition,
} from "./alarm-messages.ts";
import {
  type AlarmRecord,
  type AlarmState,
  actionsFor,
  type CompositeAlarmRecord,
  type MetricAlarmRecord,
} from "./alarm-records.ts";
import { alarmsInRule, ruleHolds } from "./alarm-rule.ts";
import { eventTimestamp, longTimestamp } from "./formats.ts";
import { evaluateMetricAlarm, seesNoData } from "./metric-alarm-evaluation.ts";
import type { MetricStore } from "./metric-store.ts";
import type { AlarmStateValue } from "./missing-data.ts";

/**
 * Metric alarms are evaluated once a minute, at this second of the minute. CloudWatch gives each alarm a second of
 * its own (observed in public incident notes, 2026); one for all keeps the clock cheap. [inferred]
 */
const EVALUATION_SECOND = 10;
const MINUTE_MS = 60_000;
const HIGH_RESOLUTION_STEP_MS = 10_000;

/** Holds alarms, evaluates them on the clock, and does what a state change entails. */
export class AlarmEngine {
  readonly alarms = new Map<string, AlarmRecord>();
  readonly history = new AlarmHistory();
  private readonly world: World;
  private readonly store: MetricStore;
  private readonly random: SeededRandom;
  private tick: { timer: Timer; atMs: number } | undefined;

  constructor(world: World, store: MetricStore) {
    this.world = world;
    this.store = store;
    this.random = world.random.fork("cloudwatch");
  }

  /** By name or ARN. */
  find(nameOrArn: string): AlarmRecord | undefined {
    const name = nameOrArn.startsWith("arn:") ? nameOrArn.split(":alarm:")[1] : nameOrArn;
    return name === undefined ? undefined : this.alarms.get(name);
  }

  /** Stores a new or changed alarm; the caller has carried over the state of an alarm that existed. */
  put(alarm: AlarmRecord): void {
    const existing = this.alarms.get(alarm.name);
    this.alarms.set(alarm.name, alarm);
    this.configurationChanged(alarm, existing ? "update" : "create", existing);
    if (alarm.kind === "composite") {
      this.evaluateComposite(
        alarm,
        `${alarm.arn} was ${existing ? "updated" : "created"} and its alarm rule evaluates to`,
      );
    }
    this.schedule();
  }

  delete(alarm: AlarmRecord): void {
    if (alarm.kind === "composite") alarm.suppression.timer?.cancel();
    this.alarms.delete(alarm.name);
    this.configurationChanged(alarm, "delete", undefined);
    this.schedule();
  }

  enableActions(alarm: AlarmRecord, enabled: boolean): void {
    if (alarm.actionsEnabled === enabled) return;
    const previous = { ...alarm };
    alarm.actionsEnabled = enabled;
    alarm.configurationUpdatedMs = this.world.clock.now();
    this.configurationChanged(alarm, "update", previous);
  }

  override(alarm: AlarmRecord, value: AlarmStateValue, reason: string, reasonData: string | undefined): void {
    if (alarm.kind === "metric") {
      alarm.overridden = true;
      alarm.settledWithoutData = false;
    }
    this.changeState(alarm, value, reason, reasonData);
  }

  /** Composite alarms whose rule names the alarm. */
  parentsOf(alarm: AlarmRecord): CompositeAlarmRecord[] {
    return this.composites().filter((parent) => alarmsInRule(parent.rule).some((child) => this.find(child) === alarm));
  }

  reset(): void {
    for (const alarm of this.composites()) alarm.suppression.timer?.cancel();
    this.alarms.clear();
    this.history.clear();
    this.tick?.timer.cancel();
    this.tick = undefined;
  }

  private composites(): CompositeAlarmRecord[] {
    return [...this.alarms.values()].filter((alarm) => alarm.kind === "composite");
  }

  private schedule(): void {
    const metricAlarms = [...this.alarms.values()].filter((alarm) => alarm.kind === "metric");
    const now = this.world.clock.now();
    const wanted = metricAlarms.length === 0 ? undefined : nextTick(now, metricAlarms);
    if (this.tick && this.tick.atMs === wanted) return;
    this.tick?.timer.cancel();
    this.tick = undefined;
    if (wanted === undefined) return;
    const timer = this.world.clock.at(wanted, () => {
      this.tick = undefined;
      this.evaluateDue();
      this.schedule();
    });
    this.tick = { timer, atMs: wanted };
  }

  private evaluateDue(): void {
    const now = this.world.clock.now();
    const wholeMinute = Math.floor(now / 1000) % 60 === EVALUATION_SECOND;
    for (const alarm of [...this.alarms.values()]) {
      if (alarm.kind === "metric" && (wholeMinute || alarm.periodSeconds < 60)) this.evaluateMetric(alarm, now);
    }
  }

  private evaluateMetric(alarm: MetricAlarmRecord, now: number): void {
    const withoutData = seesNoData(alarm, this.store, now);
    if (withoutData && alarm.settledWithoutData) return;
    const { state, reason, reasonData } = evaluateMetricAlarm(alarm, this.store, now);
    if (state !== "keep" && (state !== alarm.state.value || alarm.overridden)) {
      this.changeState(alarm, state, reason, reasonData);
    }
    alarm.overridden = false;
    // FILL and the like make data out of nothing, but the same nothing gives the same state again.
    alarm.settledWithoutData = withoutData;
  }

  private changeState(
    alarm: AlarmRecord,
    value: AlarmStateValue,
    reason: string,
    reasonData: string | undefined,
  ): void {
    const now = this.world.clock.now();
    const previous = alarm.state;
    const changed = previous.value !== value;
    alarm.state = {
      value,
      reason,
      ...(reasonData === undefined ? {} : { reasonData }),
      updatedMs: now,
      transitionedMs: changed ? now : previous.transitionedMs,
    };
    if (!changed) return;
    this.history.add({
      alarm,
      atMs: now,
      type: "StateUpdate",
      summary: `Alarm updated from ${previous.value} to ${value}`,
      data: stateHistory(previous, alarm.state),
    });
    this.world.announce("alarm-state", { name: alarm.name, from: previous.value, to: value, reason });
    if (alarm.kind === "composite" && alarm.suppressor) this.holdBack(alarm, previous);
    else this.runActions(alarm, previous);
    this.emit("CloudWatch Alarm State Change", alarm, stateChangeDetail(this.transition(alarm, previous)));
    this.alarmChanged(alarm);
  }

  /** What other alarms make of it: composites over it, and composites that it suppresses. */
  private alarmChanged(alarm: AlarmRecord): void {
    const when = longTimestamp(this.world.clock.now());
    for (const composite of this.composites()) {
      if (composite.suppressor && this.find(composite.suppressor.alarm) === alarm) this.suppressorChanged(composite);
      if (alarmsInRule(composite.rule).some((child) => this.find(child) === alarm)) {
        this.evaluateComposite(composite, `${alarm.arn} transitioned to ${alarm.state.value} at ${when}`, alarm);
      }
    }
  }

  private evaluateComposite(alarm: CompositeAlarmRecord, cause: string, trigger?: AlarmRecord): void {
    const holds = ruleHolds(alarm.rule, (child) => this.find(child)?.state.value);
    const value = holds ? "ALARM" : "OK";
    if (value === alarm.state.value) return;
    const children = trigger ? [trigger] : alarmsInRule(alarm.rule).flatMap((child) => this.find(child) ?? []);
    const reasonData = JSON.stringify({
      triggeringAlarms: children.map((child) => ({
        arn: child.arn,
        state: { value: child.state.value, timestamp: eventTimestamp(child.state.updatedMs) },
      })),
    });
    this.changeState(alarm, value, trigger ? cause : `${cause} ${value}`, reasonData);
  }

  /**
   * A composite with a suppressor does not act at once: it waits for the suppressor (WaitPeriod), stays silent while
   * the suppressor is in ALARM, and a while longer (ExtensionPeriod); then it acts on the state it has.
   */
  private holdBack(alarm: CompositeAlarmRecord, previous: AlarmState): void {
    const { suppression } = alarm;
    suppression.heldFrom ??= previous;
    if (suppression.by === "Alarm" || suppression.by === "ExtensionPeriod") return;
    if (this.find(alarm.suppressor?.alarm ?? "")?.state.value === "ALARM") {
      this.suppress(alarm, "Alarm", undefined);
      return;
    }
    this.suppress(alarm, "WaitPeriod", alarm.suppressor?.waitSeconds);
  }

  private suppressorChanged(alarm: CompositeAlarmRecord): void {
    const inAlarm = this.find(alarm.suppressor?.alarm ?? "")?.state.value === "ALARM";
    if (inAlarm && alarm.suppression.by) this.suppress(alarm, "Alarm", undefined);
    else if (!inAlarm && alarm.suppression.by === "Alarm") {
      this.suppress(alarm, "ExtensionPeriod", alarm.suppressor?.extensionSeconds);
    }
  }

  private suppress(
    alarm: CompositeAlarmRecord,
    by: "Alarm" | "WaitPeriod" | "ExtensionPeriod",
    seconds?: number,
  ): void {
    const { suppression } = alarm;
    suppression.timer?.cancel();
    suppression.by = by;
    suppression.timer =
      seconds === undefined
        ? undefined
        : this.world.clock.at(this.world.clock.now() + seconds * 1000, () => this.release(alarm));
  }

  private release(alarm: CompositeAlarmRecord): void {
    const heldFrom = alarm.suppression.heldFrom;
    alarm.suppression.by = undefined;
    alarm.suppression.timer = undefined;
    alarm.suppression.heldFrom = undefined;
    if (heldFrom && heldFrom.value !== alarm.state.value) this.runActions(alarm, heldFrom);
  }

  private runActions(alarm: AlarmRecord, previous: AlarmState): void {
    if (!alarm.actionsEnabled) return;
    const transition = this.transition({ ...alarm }, previous);
    for (const action of actionsFor(alarm, alarm.state.value)) void this.runAction(action, transition);
  }

  private async runAction(action: string, transition: Transition): Promise<void> {
    const { alarm } = transition;
    let publishedMessage: string | undefined;
    let failure: string | undefined;
    try {
      if (action.split(":")[2] === "sns") {
        const { subject, message } = notification(transition);
        publishedMessage = message;
        await this.world.call(
          "sns",
          "Publish",
          { TopicArn: action, Subject: subject, Message: message, MessageStructure: "json" },
          this.world.servicePrincipal("cloudwatch.amazonaws.com", alarm.arn),
        );
      } else {
        publishedMessage = JSON.stringify(lambdaActionPayload(transition));
        await this.world.call(
          "lambda",
          "Invoke",
          { FunctionName: action, InvocationType: "Event", Payload: new TextEncoder().encode(publishedMessage) },
          this.world.servicePrincipal("lambda.alarms.cloudwatch.amazonaws.com", alarm.arn),
        );
      }
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
    }
    this.history.add({
      alarm,
      atMs: this.world.clock.now(),
      type: "Action",
      summary: failure ? `Failed to execute action ${action}` : `Successfully executed action ${action}`,
      data: {
        actionState: failure ? "Failed" : "Succeeded",
        stateUpdateTimestamp: alarm.state.updatedMs,
        notificationResource: action,
        publishedMessage: publishedMessage ?? null,
        error: failure ?? null,
      },
    });
  }

  private configurationChanged(
    alarm: AlarmRecord,
    operation: "create" | "update" | "delete",
    previous: AlarmRecord | undefined,
  ): void {
    const metricId = this.random.uuid();
    const configuration = configurationFields(alarm, metricId);
    const verb = { create: "created", update: "updated", delete: "deleted" }[operation];
    this.history.add({
      alarm,
      atMs: this.world.clock.now(),
      type: "ConfigurationUpdate",
      summary: `Alarm "${alarm.name}" ${verb}`,
      data: {
        version: "1.0",
        type: { create: "Create", update: "Update", delete: "Delete" }[operation],
        [`${verb}Alarm`]: configuration,
      },
    });
    this.emit("CloudWatch Alarm Configuration Change", alarm, {
      alarmName: alarm.name,
      operation,
      state: { value: alarm.state.value, timestamp: eventTimestamp(alarm.state.updatedMs) },
      configuration,
      ...(previous ? { previousConfiguration: configurationFields(previous, this.random.uuid()) } : {}),
    });
  }

  private transition(alarm: AlarmRecord, previous: AlarmState): Transition {
    const { accountId, region } = this.world;
    return { alarm, previous, accountId, region, metricId: this.random.uuid() };
  }

  private emit(detailType: string, alarm: AlarmRecord, detail: Record<string, unknown>): void {
    if (!this.world.service("eventbridge")) return;
    this.world.links.emitEvent({ source: "aws.cloudwatch", detailType, resources: [alarm.arn], detail });
  }
}

function nextTick(nowMs: number, alarms: readonly MetricAlarmRecord[]): number {
  if (alarms.some((alarm) => alarm.periodSeconds < 60)) {
    return Math.floor(nowMs / HIGH_RESOLUTION_STEP_MS) * HIGH_RESOLUTION_STEP_MS + HIGH_RESOLUTION_STEP_MS;
  }
  const inThisMinute = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS + EVALUATION_SECOND * 1000;
  return inThisMinute > nowMs ? inThisMinute : inThisMinute + MINUTE_MS;
}
