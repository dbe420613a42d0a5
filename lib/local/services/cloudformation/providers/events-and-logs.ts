import { isObject, type JsonObject } from "../template/json.ts";
import type { ProviderContext, ResourceTypes } from "./resource-type.ts";
import { changed, jsonText, retag, tagList, tagMap, text, unlessGone } from "./shared.ts";

const ruleTargets = (properties: JsonObject) =>
  Array.isArray(properties.Targets) ? properties.Targets.filter(isObject) : [];

async function putRule(Name: string, properties: JsonObject, context: ProviderContext, tags: boolean): Promise<string> {
  const { RuleArn } = await context.call<{ RuleArn: string }>("eventbridge", "PutRule", {
    Name,
    Description: text(properties.Description),
    EventBusName: text(properties.EventBusName),
    EventPattern: jsonText(properties.EventPattern),
    RoleArn: text(properties.RoleArn),
    ScheduleExpression: text(properties.ScheduleExpression),
    State: text(properties.State),
    Tags: tags && properties.Tags !== undefined ? tagList(properties.Tags) : undefined,
  });
  return RuleArn;
}

async function putTargets(
  Rule: string,
  before: JsonObject,
  after: JsonObject,
  context: ProviderContext,
): Promise<void> {
  const EventBusName = text(after.EventBusName);
  const wanted = ruleTargets(after);
  const Ids = ruleTargets(before)
    .map(({ Id }) => String(Id))
    .filter((id) => !wanted.some(({ Id }) => Id === id));
  if (Ids.length > 0) await context.call("eventbridge", "RemoveTargets", { Rule, EventBusName, Ids });
  if (wanted.length === 0) return;
  const { FailedEntries = [] } = await context.call<{ FailedEntries?: { ErrorMessage?: string }[] }>(
    "eventbridge",
    "PutTargets",
    { Rule, EventBusName, Targets: wanted },
  );
  if (FailedEntries.length > 0) throw new Error(FailedEntries.map((entry) => entry.ErrorMessage).join("; "));
}

export const eventAndLogTypes: ResourceTypes = {
  "AWS::Events::Rule": {
    updatable: ["Description", "EventPattern", "RoleArn", "ScheduleExpression", "State", "Tags", "Targets"],
    createOnly: ["Name", "EventBusName"],
    nameProperty: "Name",
    async create(properties, context) {
      const name = text(properties.Name) ?? context.physicalName(64);
      const Arn = await putRule(name, properties, context, true);
      context.created(name);
      await putTargets(name, {}, properties, context);
      return { physicalId: name, attributes: { Arn } };
    },
    async update({ physicalId, properties: before, attributes }, properties, context) {
      await putRule(physicalId, properties, context, false);
      await putTargets(physicalId, before, properties, context);
      await retag(before.Tags, properties.Tags, {
        set: (Tags) => context.call("eventbridge", "TagResource", { ResourceARN: attributes.Arn, Tags }),
        remove: (TagKeys) => context.call("eventbridge", "UntagResource", { ResourceARN: attributes.Arn, TagKeys }),
      });
      return { physicalId, attributes };
    },
    async delete({ physicalId: Name, properties }, context) {
      await unlessGone(putTargets(Name, properties, { ...properties, Targets: [] }, context));
      await unlessGone(
        context.call("eventbridge", "DeleteRule", { Name, EventBusName: text(properties.EventBusName) }),
      );
    },
  },

  "AWS::Logs::LogGroup": {
    updatable: ["RetentionInDays", "Tags"],
    createOnly: ["LogGroupName", "KmsKeyId", "LogGroupClass"],
    nameProperty: "LogGroupName",
    async create(properties, context) {
      const logGroupName = text(properties.LogGroupName) ?? context.physicalName(512);
      await context.call("cloudwatch-logs", "CreateLogGroup", {
        logGroupName,
        kmsKeyId: text(properties.KmsKeyId),
        logGroupClass: text(properties.LogGroupClass),
        tags: properties.Tags === undefined ? undefined : tagMap(properties.Tags),
      });
      context.created(logGroupName);
      await setRetention(logGroupName, {}, properties, context);
      const { region, accountId } = context.world;
      const Arn = `arn:aws:logs:${region}:${accountId}:log-group:${logGroupName}:*`;
      return { physicalId: logGroupName, attributes: { Arn } };
    },
    async update({ physicalId, properties: before, attributes }, properties, context) {
      await setRetention(physicalId, before, properties, context);
      const resourceArn = String(attributes.Arn).replace(/:\*$/, "");
      await retag(before.Tags, properties.Tags, {
        set: (tags) => context.call("cloudwatch-logs", "TagResource", { resourceArn, tags: tagMap(tags) }),
        remove: (tagKeys) => context.call("cloudwatch-logs", "UntagResource", { resourceArn, tagKeys }),
      });
      return { physicalId, attributes };
    },
    delete: ({ physicalId }, context) =>
      unlessGone(context.call("cloudwatch-logs", "DeleteLogGroup", { logGroupName: physicalId })),
  },
};

async function setRetention(logGroupName: string, before: JsonObject, after: JsonObject, context: ProviderContext) {
  if (!changed(before, after, ["RetentionInDays"])) return;
  if (after.RetentionInDays === undefined)
    await context.call("cloudwatch-logs", "DeleteRetentionPolicy", { logGroupName });
  else {
    const retentionInDays = Number(after.RetentionInDays);
    await context.call("cloudwatch-logs", "PutRetentionPolicy", { logGroupName, retentionInDays });
  }
}
