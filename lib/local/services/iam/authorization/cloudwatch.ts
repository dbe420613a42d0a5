import { anything, type Input, named, needs, type Place, type Rule, rulesOf } from "./rules.ts";

const alarm = (name: string | undefined, place: Place) => place.arn("cloudwatch", `alarm:${name}`);
const onAlarm = (input: Input, place: Place) => alarm(input.AlarmName, place);
const onAlarms = ({ AlarmNames = [] }: Input, place: Place) =>
  (AlarmNames as string[]).map((name) => alarm(name, place));

/**
 * Composite alarms are told only to those who may read all (API reference, DescribeAlarms, 2026). Metric alarms by name
 * need each of them; a search by anything else needs all metric alarms [inferred].
 */
const onDescribed = (input: Input, place: Place) => {
  const { AlarmNames, AlarmTypes = [] } = input as { AlarmNames?: string[]; AlarmTypes?: string[] };
  const withComposites = AlarmTypes.includes("CompositeAlarm");
  if (!AlarmNames?.length) return withComposites ? "*" : alarm("*", place);
  const composites = withComposites
    ? place.read<{ CompositeAlarms?: object[] }>("cloudwatch", "DescribeAlarms", {
        AlarmNames,
        AlarmTypes: ["CompositeAlarm"],
      })?.CompositeAlarms
    : undefined;
  return composites?.length ? "*" : onAlarms(input, place);
};

const dashboard = (name: string | undefined, { world }: Place) =>
  `arn:${world.partition}:cloudwatch::${world.accountId}:dashboard/${name}`;

const putMetricData: Rule = {
  needs: ({ Namespace = "" }) => needs("cloudwatch:PutMetricData", "*", { "cloudwatch:namespace": Namespace }),
};

const putAlarm = (action: string): Rule => ({
  needs: (input, place) =>
    needs(`cloudwatch:${action}`, onAlarm(input, place), {
      "cloudwatch:alarmactions": [input.AlarmActions, input.OKActions, input.InsufficientDataActions]
        .flat()
        .filter((action) => action !== undefined),
    }),
});

export const cloudWatchRules = rulesOf("cloudwatch", {
  PutMetricData: putMetricData,
  GetMetricData: anything,
  GetMetricStatistics: anything,
  ListMetrics: anything,
  PutMetricAlarm: putAlarm("PutMetricAlarm"),
  PutCompositeAlarm: putAlarm("PutCompositeAlarm"),
  DeleteAlarms: onAlarms,
  DescribeAlarms: onDescribed,
  DescribeAlarmsForMetric: anything,
  SetAlarmState: onAlarm,
  DescribeAlarmHistory: (input, place) => alarm(input.AlarmName ?? "*", place),
  EnableAlarmActions: onAlarms,
  DisableAlarmActions: onAlarms,
  TagResource: named("ResourceARN"),
  UntagResource: named("ResourceARN"),
  ListTagsForResource: named("ResourceARN"),
  PutDashboard: (input, place) => dashboard(input.DashboardName, place),
  GetDashboard: (input, place) => dashboard(input.DashboardName, place),
  ListDashboards: anything,
  DeleteDashboards: ({ DashboardNames = [] }, place) =>
    (DashboardNames as string[]).map((name) => dashboard(name, place)),
});
