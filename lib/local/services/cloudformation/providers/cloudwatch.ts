import type { JsonObject } from "../template/json.ts";
import type { ProviderContext, ResourceType, ResourceTypes } from "./resource-type.ts";
import { jsonText, pick, retag, tagList, text, unlessGone } from "./shared.ts";

const METRIC_ALARM = [
  "ActionsEnabled",
  "AlarmActions",
  "AlarmDescription",
  "ComparisonOperator",
  "DatapointsToAlarm",
  "Dimensions",
  "EvaluateLowSampleCountPercentile",
  "EvaluationPeriods",
  "ExtendedStatistic",
  "InsufficientDataActions",
  "MetricName",
  "Metrics",
  "Namespace",
  "OKActions",
  "Period",
  "Statistic",
  "Threshold",
  "ThresholdMetricId",
  "TreatMissingData",
  "Unit",
];
const COMPOSITE_ALARM = [
  "ActionsEnabled",
  "ActionsSuppressor",
  "ActionsSuppressorExtensionPeriod",
  "ActionsSuppressorWaitPeriod",
  "AlarmActions",
  "AlarmDescription",
  "AlarmRule",
  "InsufficientDataActions",
  "OKActions",
];

/** Put overwrites an alarm's whole definition and leaves its state (CloudWatch API reference, PutMetricAlarm). */
function alarm(operation: "PutMetricAlarm" | "PutCompositeAlarm", names: readonly string[]): ResourceType {
  const put = (AlarmName: string, properties: JsonObject, context: ProviderContext, tags: JsonObject | undefined) =>
    context.call("cloudwatch", operation, { ...pick(properties, names), AlarmName, ...tags });
  const described = (name: string, { world }: ProviderContext) => ({
    physicalId: name,
    attributes: { Arn: `arn:aws:cloudwatch:${world.region}:${world.accountId}:alarm:${name}` },
  });
  return {
    updatable: [...names, "Tags"],
    createOnly: ["AlarmName"],
    nameProperty: "AlarmName",
    async create(properties, context) {
      const name = text(properties.AlarmName) ?? context.physicalName(255);
      const Tags = properties.Tags === undefined ? undefined : tagList(properties.Tags);
      await put(name, properties, context, Tags && { Tags });
      return described(name, context);
    },
    async update({ physicalId, properties: before, attributes }, properties, context) {
      await put(physicalId, properties, context, undefined);
      await retag(before.Tags, properties.Tags, {
        set: (Tags) => context.call("cloudwatch", "TagResource", { ResourceARN: attributes.Arn, Tags }),
        remove: (TagKeys) => context.call("cloudwatch", "UntagResource", { ResourceARN: attributes.Arn, TagKeys }),
      });
      return described(physicalId, context);
    },
    delete: ({ physicalId }, context) =>
      unlessGone(context.call("cloudwatch", "DeleteAlarms", { AlarmNames: [physicalId] })),
  };
}

export const cloudWatchTypes: ResourceTypes = {
  "AWS::CloudWatch::Alarm": alarm("PutMetricAlarm", METRIC_ALARM),
  "AWS::CloudWatch::CompositeAlarm": alarm("PutCompositeAlarm", COMPOSITE_ALARM),
  "AWS::CloudWatch::Dashboard": {
    updatable: ["DashboardBody"],
    createOnly: ["DashboardName"],
    nameProperty: "DashboardName",
    async create(properties, context) {
      const DashboardName = text(properties.DashboardName) ?? context.physicalName(255);
      await context.call("cloudwatch", "PutDashboard", {
        DashboardName,
        DashboardBody: jsonText(properties.DashboardBody),
      });
      return { physicalId: DashboardName };
    },
    async update({ physicalId: DashboardName }, properties, context) {
      await context.call("cloudwatch", "PutDashboard", {
        DashboardName,
        DashboardBody: jsonText(properties.DashboardBody),
      });
      return { physicalId: DashboardName };
    },
    delete: ({ physicalId }, context) =>
      unlessGone(context.call("cloudwatch", "DeleteDashboards", { DashboardNames: [physicalId] })),
  },
};
