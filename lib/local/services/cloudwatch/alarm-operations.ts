import type {
  AlarmType,
  CompositeAlarm,
  DeleteAlarmsInput,
  DescribeAlarmHistoryInput,
  DescribeAlarmHistoryOutput,
  DescribeAlarmsForMetricInput,
  DescribeAlarmsInput,
  DescribeAlarmsOutput,
  MetricAlarm,
  PutCompositeAlarmInput,
  PutMetricAlarmInput,
  SetAlarmStateInput,
} from "@aws-sdk/client-cloudwatch";
import { isJson } from "../../kernel/json.ts";
import type { World } from "../../kernel/service.ts";
import type { AlarmEngine } from "./alarm-engine.ts";
import {
  type AlarmRecord,
  type AlarmState,
  type CompositeAlarmRecord,
  type MetricAlarmRecord,
  STATES,
} from "./alarm-records.ts";
import { AlarmRuleError, alarmsInRule, parseAlarmRule } from "./alarm-rule.ts";
import { checkCompositeAlarm, checkMetricAlarm } from "./alarm-validation.ts";
import {
  alarmNotFound,
  constraintError,
  invalidCombination,
  invalidFormat,
  notInEnum,
  nullMember,
  tooLong,
  validationError,
} from "./errors.ts";
import { dimensionRecord } from "./metric-queries.ts";
import { seriesKey } from "./metric-store.ts";
import { page } from "./paging.ts";
import type { TagStore } from "./tags.ts";

export function alarmOperations(world: World, engine: AlarmEngine, tags: TagStore) {
  const arnOf = (name: string) => `arn:aws:cloudwatch:${world.region}:${world.accountId}:alarm:${name}`;
  const initialState = (): AlarmState => ({
    value: "INSUFFICIENT_DATA",
    reason: "Unchecked: Initial alarm creation",
    updatedMs: world.clock.now(),
    transitionedMs: world.clock.now(),
  });
  const common = (input: PutMetricAlarmInput | PutCompositeAlarmInput, existing: AlarmRecord | undefined) => ({
    name: input.AlarmName ?? "",
    arn: arnOf(input.AlarmName ?? ""),
    description: input.AlarmDescription,
    actionsEnabled: input.ActionsEnabled ?? true,
    okActions: [...(input.OKActions ?? [])],
    alarmActions: [...(input.AlarmActions ?? [])],
    insufficientDataActions: [...(input.InsufficientDataActions ?? [])],
    configurationUpdatedMs: world.clock.now(),
    // An update overwrites the whole configuration and keeps the state (CloudWatch API reference, 2026).
    state: existing?.state ?? initialState(),
  });

  function putMetricAlarm(input: PutMetricAlarmInput): Record<string, never> {
    const checked = checkMetricAlarm(input);
    const existing = engine.alarms.get(input.AlarmName ?? "");
    if (existing?.kind === "composite") throw validationError(`${existing.name} is the name of a composite alarm.`);
    const { Tags, ...rest } = input;
    engine.put({
      kind: "metric",
      ...common(input, existing),
      ...checked,
      input: structuredClone(rest),
      settledWithoutData: false,
      overridden: existing?.overridden ?? false,
    });
    if (!existing) tags.set(arnOf(input.AlarmName ?? ""), Tags ?? []);
    return {};
  }

  function putCompositeAlarm(input: PutCompositeAlarmInput): Record<string, never> {
    checkCompositeAlarm(input);
    const existing = engine.alarms.get(input.AlarmName ?? "");
    if (existing?.kind === "metric") throw validationError(`${existing.name} is the name of a metric alarm.`);
    const rule = parsedRule(input.AlarmRule ?? "");
    const children = alarmsInRule(rule);
    const unknown = children.filter((child) => !engine.find(child) && child !== input.AlarmName);
    if (unknown.length > 0) {
      throw validationError(
        `Could not save the composite alarm as alarms [${unknown.join(", ")}] in the alarm rule do not exist`,
      );
    }
    if (children.length > 100) throw validationError("The alarm rule has more than 100 alarms.");
    const suppressor = input.ActionsSuppressor;
    if (suppressor !== undefined && !engine.find(suppressor)) {
      throw validationError(
        `Could not save the composite alarm as the actions suppressor [${suppressor}] does not exist`,
      );
    }
    existing?.suppression.timer?.cancel();
    engine.put({
      kind: "composite",
      ...common(input, existing),
      ruleText: input.AlarmRule ?? "",
      rule,
      suppressor:
        suppressor === undefined
          ? undefined
          : {
              alarm: suppressor,
              waitSeconds: input.ActionsSuppressorWaitPeriod ?? 0,
              extensionSeconds: input.ActionsSuppressorExtensionPeriod ?? 0,
            },
      suppression: { by: undefined, timer: undefined, heldFrom: undefined },
    });
    if (!existing) tags.set(arnOf(input.AlarmName ?? ""), input.Tags ?? []);
    return {};
  }

  function deleteAlarms({ AlarmNames }: DeleteAlarmsInput): Record<string, never> {
    if (!AlarmNames) throw constraintError([nullMember("alarmNames")]);
    if (AlarmNames.length > 100) throw constraintError([tooLong("alarmNames", `[${AlarmNames.join(", ")}]`, 100)]);
    // Unknown names are no error (LocalStack's recordings of DeleteAlarms, 2024).
    const doomed = [...new Set(AlarmNames)].flatMap((name) => engine.alarms.get(name) ?? []);
    if (doomed.filter((alarm) => alarm.kind === "composite").length > 1) {
      throw validationError("You can only delete one composite alarm per request.");
    }
    const needed = doomed.filter((alarm) =>
      [...engine.alarms.values()].some((other) => !doomed.includes(other) && dependsOn(engine, other, alarm)),
    );
    if (needed.length > 0) {
      const names = needed.map((alarm) => alarm.name).join(",");
      const them = needed.length === 1 ? "it" : "them";
      throw validationError(`Cannot delete ${names} as there are composite alarm(s) depending on ${them}.`);
    }
    for (const alarm of doomed) {
      engine.delete(alarm);
      tags.forget(alarm.arn);
    }
    return {};
  }

  function describeAlarms(input: DescribeAlarmsInput): DescribeAlarmsOutput {
    const { AlarmNames, AlarmNamePrefix, StateValue, ActionPrefix, ChildrenOfAlarmName, ParentsOfAlarmName } = input;
    if (AlarmNames && AlarmNamePrefix !== undefined) {
      throw invalidCombination("AlarmNames and AlarmNamePrefix cannot be used together.");
    }
    if ((AlarmNames?.length ?? 0) > 100) {
      throw constraintError([tooLong("alarmNames", `[${AlarmNames?.join(", ")}]`, 100)]);
    }
    if (StateValue !== undefined && !STATES.includes(StateValue)) {
      throw constraintError([notInEnum("stateValue", StateValue, STATES)]);
    }
    // Composite alarms come only when they are asked for (API reference, 2026).
    checkTypes(input.AlarmTypes);
    const types: readonly AlarmType[] = input.AlarmTypes?.length ? input.AlarmTypes : ["MetricAlarm"];
    const chosen = family(engine, ChildrenOfAlarmName, ParentsOfAlarmName).filter(
      (alarm) =>
        types.includes(alarm.kind === "metric" ? "MetricAlarm" : "CompositeAlarm") &&
        (AlarmNames === undefined || AlarmNames.includes(alarm.name)) &&
        (AlarmNamePrefix === undefined || alarm.name.startsWith(AlarmNamePrefix)) &&
        (StateValue === undefined || alarm.state.value === StateValue) &&
        (ActionPrefix === undefined || allActions(alarm).some((action) => action.startsWith(ActionPrefix))),
    );
    chosen.sort((a, b) => (a.name < b.name ? -1 : 1));
    const { items, next } = page(chosen, input.NextToken, input.MaxRecords ?? 50, { name: "maxRecords", limit: 100 });
    return {
      CompositeAlarms: items.filter((alarm) => alarm.kind === "composite").map(compositeOutput),
      MetricAlarms: items.filter((alarm) => alarm.kind === "metric").map(metricOutput),
      ...(next ? { NextToken: next } : {}),
    };
  }

  function describeAlarmsForMetric(input: DescribeAlarmsForMetricInput): { MetricAlarms: MetricAlarm[] } {
    const problems = [
      ...(input.MetricName ? [] : [nullMember("metricName")]),
      ...(input.Namespace ? [] : [nullMember("namespace")]),
    ];
    if (problems.length > 0) throw constraintError(problems);
    const key = (namespace = "", name = "", dimensions?: { Name?: string; Value?: string }[]) =>
      seriesKey({ namespace, name, dimensions: dimensionRecord(dimensions) });
    const wanted = key(input.Namespace, input.MetricName, input.Dimensions);
    const statistic = input.Statistic ?? input.ExtendedStatistic;
    const found = [...engine.alarms.values()]
      .filter((alarm) => alarm.kind === "metric")
      .filter(
        ({ input: alarm, queries }) =>
          !queries &&
          key(alarm.Namespace, alarm.MetricName, alarm.Dimensions) === wanted &&
          (statistic === undefined || statistic === (alarm.Statistic ?? alarm.ExtendedStatistic)) &&
          (input.Period === undefined || input.Period === alarm.Period) &&
          (input.Unit === undefined || input.Unit === alarm.Unit),
      );
    return { MetricAlarms: found.map(metricOutput) };
  }

  function setAlarmState(input: SetAlarmStateInput): Record<string, never> {
    const problems: string[] = [];
    if (!input.AlarmName) problems.push(nullMember("alarmName"));
    if (input.StateValue === undefined) problems.push(nullMember("stateValue"));
    else if (!STATES.includes(input.StateValue)) problems.push(notInEnum("stateValue", input.StateValue, STATES));
    if (input.StateReason === undefined) problems.push(nullMember("stateReason"));
    else if (input.StateReason.length > 1023) problems.push(tooLong("stateReason", input.StateReason, 1023));
    if ((input.StateReasonData?.length ?? 0) > 4000) {
      problems.push(tooLong("stateReasonData", input.StateReasonData ?? "", 4000));
    }
    if (problems.length > 0 || !input.StateValue) throw constraintError(problems);
    const alarm = engine.alarms.get(input.AlarmName ?? "");
    if (!alarm) throw alarmNotFound();
    if (input.StateReasonData !== undefined && !isJson(input.StateReasonData)) throw invalidFormat();
    engine.override(alarm, input.StateValue, input.StateReason ?? "", input.StateReasonData);
    return {};
  }

  function describeAlarmHistory(input: DescribeAlarmHistoryInput): DescribeAlarmHistoryOutput {
    checkTypes(input.AlarmTypes);
    if (input.HistoryItemType !== undefined && !HISTORY_ITEM_TYPES.includes(input.HistoryItemType)) {
      throw constraintError([notInEnum("historyItemType", input.HistoryItemType, HISTORY_ITEM_TYPES)]);
    }
    const items = engine.history.select({
      name: input.AlarmName,
      types: input.AlarmTypes?.length ? input.AlarmTypes : ["MetricAlarm"],
      itemType: input.HistoryItemType,
      from: input.StartDate,
      to: input.EndDate,
      nowMs: world.clock.now(),
    });
    if (input.ScanBy !== "TimestampAscending") items.reverse();
    const { items: shown, next } = page(items, input.NextToken, input.MaxRecords ?? 100, {
      name: "maxRecords",
      limit: 100,
    });
    return { AlarmHistoryItems: shown, ...(next ? { NextToken: next } : {}) };
  }

  const switchActions = (enabled: boolean) => (input: { AlarmNames?: string[] }) => {
    if (!input.AlarmNames) throw constraintError([nullMember("alarmNames")]);
    for (const name of input.AlarmNames) {
      const alarm = engine.alarms.get(name);
      if (alarm) engine.enableActions(alarm, enabled);
    }
    return {};
  };

  return {
    PutMetricAlarm: putMetricAlarm,
    PutCompositeAlarm: putCompositeAlarm,
    DeleteAlarms: deleteAlarms,
    DescribeAlarms: describeAlarms,
    DescribeAlarmsForMetric: describeAlarmsForMetric,
    SetAlarmState: setAlarmState,
    DescribeAlarmHistory: describeAlarmHistory,
    EnableAlarmActions: switchActions(true),
    DisableAlarmActions: switchActions(false),
  };
}

const ALARM_TYPES = ["CompositeAlarm", "MetricAlarm"];
const HISTORY_ITEM_TYPES = ["ConfigurationUpdate", "StateUpdate", "Action"];

function checkTypes(types: readonly string[] | undefined): void {
  if (!types || types.every((type) => ALARM_TYPES.includes(type))) return;
  throw constraintError([
    `Value '[${types.join(", ")}]' at 'alarmTypes' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [${ALARM_TYPES.join(", ")}], Member must not be null]`,
  ]);
}

function parsedRule(text: string) {
  try {
    return parseAlarmRule(text);
  } catch (error) {
    if (error instanceof AlarmRuleError) throw validationError(error.message);
    throw error;
  }
}

function dependsOn(engine: AlarmEngine, other: AlarmRecord, alarm: AlarmRecord): boolean {
  if (other.kind !== "composite") return false;
  return (
    alarmsInRule(other.rule).some((child) => engine.find(child) === alarm) ||
    (other.suppressor !== undefined && engine.find(other.suppressor.alarm) === alarm)
  );
}

function family(engine: AlarmEngine, childrenOf: string | undefined, parentsOf: string | undefined): AlarmRecord[] {
  if (childrenOf !== undefined) {
    const parent = engine.alarms.get(childrenOf);
    if (!parent) return [];
    return parent.kind === "composite" ? alarmsInRule(parent.rule).flatMap((child) => engine.find(child) ?? []) : [];
  }
  if (parentsOf !== undefined) {
    const child = engine.alarms.get(parentsOf);
    return child ? engine.parentsOf(child) : [];
  }
  return [...engine.alarms.values()];
}

function allActions(alarm: AlarmRecord): string[] {
  return [...alarm.okActions, ...alarm.alarmActions, ...alarm.insufficientDataActions];
}

function commonOutput(alarm: AlarmRecord) {
  return {
    AlarmName: alarm.name,
    AlarmArn: alarm.arn,
    ...(alarm.description === undefined ? {} : { AlarmDescription: alarm.description }),
    AlarmConfigurationUpdatedTimestamp: new Date(alarm.configurationUpdatedMs),
    ActionsEnabled: alarm.actionsEnabled,
    OKActions: alarm.okActions,
    AlarmActions: alarm.alarmActions,
    InsufficientDataActions: alarm.insufficientDataActions,
    StateValue: alarm.state.value,
    StateReason: alarm.state.reason,
    ...(alarm.state.reasonData === undefined ? {} : { StateReasonData: alarm.state.reasonData }),
    StateUpdatedTimestamp: new Date(alarm.state.updatedMs),
    StateTransitionedTimestamp: new Date(alarm.state.transitionedMs),
  };
}

function metricOutput(alarm: MetricAlarmRecord): MetricAlarm {
  const { AlarmName: _name, AlarmDescription: _description, ActionsEnabled: _enabled, ...definition } = alarm.input;
  // Which of several metrics is watched is always told, also where the request left it to the default [inferred].
  const metrics = definition.Metrics?.map((query) => ({ ...query, ReturnData: query.ReturnData ?? true }));
  return {
    ...definition,
    ...(metrics && { Metrics: metrics }),
    Dimensions: definition.Dimensions ?? [],
    ...commonOutput(alarm),
  };
}

function compositeOutput(alarm: CompositeAlarmRecord): CompositeAlarm {
  const { by } = alarm.suppression;
  return {
    ...commonOutput(alarm),
    AlarmRule: alarm.ruleText,
    ...(alarm.suppressor
      ? {
          ActionsSuppressor: alarm.suppressor.alarm,
          ActionsSuppressorWaitPeriod: alarm.suppressor.waitSeconds,
          ActionsSuppressorExtensionPeriod: alarm.suppressor.extensionSeconds,
        }
      : {}),
    ...(by ? { ActionsSuppressedBy: by, ActionsSuppressedReason: `Actions suppressed by ${by}` } : {}),
  };
}
