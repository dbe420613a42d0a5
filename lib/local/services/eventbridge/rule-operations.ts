import type {
  DeleteRuleRequest,
  DescribeRuleRequest,
  DescribeRuleResponse,
  ListRuleNamesByTargetRequest,
  ListRulesRequest,
  ListTargetsByRuleRequest,
  PutRuleRequest,
  PutTargetsRequest,
  RemoveTargetsRequest,
  Target,
} from "@aws-sdk/client-eventbridge";
import { notImplemented } from "../../kernel/errors.ts";
import { isJson } from "../../kernel/json.ts";
import type { World } from "../../kernel/service.ts";
import type { EventRouter } from "./bus.ts";
import { targetKind } from "./delivery.ts";
import { busNotFound, constraint, invalidPattern, limitExceeded, ruleNotFound, validation } from "./errors.ts";
import { PatternError, parsePattern } from "./pattern.ts";
import type { EventBus, Rule } from "./records.ts";
import { parseSchedule, ScheduleError } from "./schedule.ts";
import { pathSteps } from "./target-input.ts";

/** Targets per rule (EventBridge quotas, 2026). */
const TARGETS_PER_RULE = 5;

export function ruleOperations(world: World, router: EventRouter) {
  const findBus = (nameOrArn = "default"): EventBus => {
    const name = nameOrArn.split("event-bus/").at(-1) ?? nameOrArn;
    const bus = router.buses.get(name);
    if (!bus) throw busNotFound(name);
    return bus;
  };
  const findRule = (name: string | undefined, busName: string | undefined): Rule => {
    const bus = findBus(busName);
    const rule = bus.rules.get(name ?? "");
    if (!rule) throw ruleNotFound(name ?? "", bus.name);
    return rule;
  };

  function putRule(input: PutRuleRequest): { RuleArn: string } {
    const { Name, EventPattern, ScheduleExpression } = input;
    if (!Name) throw constraint("name", undefined, "Member must not be null");
    if (!/^[.\-_A-Za-z0-9]+$/.test(Name)) {
      throw constraint("name", Name, "Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+");
    }
    if (Name.length > 64) throw constraint("name", Name, "Member must have length less than or equal to 64");
    const bus = findBus(input.EventBusName);
    const existing = bus.rules.get(Name);
    if (!EventPattern && !ScheduleExpression) {
      throw validation("Parameter(s) EventPattern or ScheduleExpression must be specified.");
    }
    if (ScheduleExpression && bus.name !== "default") {
      throw validation("ScheduleExpression is supported only on the default event bus.");
    }
    if ((EventPattern?.length ?? 0) > 4096) {
      throw constraint("eventPattern", EventPattern, "Member must have length less than or equal to 4096");
    }
    const states = ["ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"];
    if (input.State !== undefined && !states.includes(input.State)) {
      throw constraint("state", input.State, `Member must satisfy enum value set: [${states.join(", ")}]`);
    }
    const rule: Rule = {
      name: Name,
      arn: router.ruleArn(bus.name, Name),
      busName: bus.name,
      patternText: EventPattern,
      pattern: EventPattern ? checkedPattern(EventPattern) : undefined,
      scheduleText: ScheduleExpression,
      schedule: ScheduleExpression ? checkedSchedule(ScheduleExpression) : undefined,
      timer: undefined,
      enabled: input.State !== "DISABLED",
      description: input.Description,
      roleArn: input.RoleArn,
      createdBy: world.accountId,
      targets: existing?.targets ?? new Map(),
      tags: existing?.tags ?? new Map((input.Tags ?? []).map((tag) => [tag.Key ?? "", tag.Value ?? ""])),
    };
    existing?.timer?.cancel();
    bus.rules.set(Name, rule);
    router.arm(rule);
    return { RuleArn: rule.arn };
  }

  function deleteRule({ Name, EventBusName }: DeleteRuleRequest): Record<string, never> {
    const bus = findBus(EventBusName);
    const rule = bus.rules.get(Name ?? "");
    // Deleting a rule that is not there is no error (API reference, 2026).
    if (!rule) return {};
    if (rule.targets.size > 0) throw validation("Rule can't be deleted since it has targets.");
    rule.timer?.cancel();
    bus.rules.delete(rule.name);
    return {};
  }

  function describeRule({ Name, EventBusName }: DescribeRuleRequest): DescribeRuleResponse {
    const rule = findRule(Name, EventBusName);
    return { ...listed(rule), CreatedBy: rule.createdBy };
  }

  function putTargets({ Rule: name, EventBusName, Targets = [] }: PutTargetsRequest) {
    const rule = findRule(name, EventBusName);
    for (const target of Targets) checkTarget(target);
    const ids = new Set([...rule.targets.keys(), ...Targets.map((target) => target.Id ?? "")]);
    if (ids.size > TARGETS_PER_RULE) throw limitExceeded();
    for (const target of Targets) rule.targets.set(target.Id ?? "", structuredClone(target));
    return { FailedEntryCount: 0, FailedEntries: [] };
  }

  function removeTargets({ Rule: name, EventBusName, Ids = [] }: RemoveTargetsRequest) {
    const rule = findRule(name, EventBusName);
    const failed = Ids.filter((id) => !rule.targets.delete(id)).map((id) => ({
      TargetId: id,
      ErrorCode: "ResourceNotFoundException",
      ErrorMessage: `Rule ${rule.name} does not have target(s) [${id}].`,
    }));
    return { FailedEntryCount: failed.length, FailedEntries: failed };
  }

  const setEnabled = (enabled: boolean) => (input: { Name?: string; EventBusName?: string }) => {
    const rule = findRule(input.Name, input.EventBusName);
    rule.enabled = enabled;
    router.arm(rule);
    return {};
  };

  return {
    findBus,
    operations: {
      PutRule: putRule,
      DeleteRule: deleteRule,
      DescribeRule: describeRule,
      EnableRule: setEnabled(true),
      DisableRule: setEnabled(false),
      PutTargets: putTargets,
      RemoveTargets: removeTargets,
      ListRules: ({ NamePrefix = "", EventBusName, NextToken, Limit }: ListRulesRequest) => {
        const rules = [...findBus(EventBusName).rules.values()].filter((rule) => rule.name.startsWith(NamePrefix));
        rules.sort((a, b) => (a.name < b.name ? -1 : 1));
        const { items, next } = page(rules, NextToken, Limit);
        return { Rules: items.map(listed), ...next };
      },
      ListTargetsByRule: ({ Rule: name, EventBusName, NextToken, Limit }: ListTargetsByRuleRequest) => {
        const { items, next } = page([...findRule(name, EventBusName).targets.values()], NextToken, Limit);
        return { Targets: items, ...next };
      },
      ListRuleNamesByTarget: ({ TargetArn, EventBusName, NextToken, Limit }: ListRuleNamesByTargetRequest) => {
        const rules = [...findBus(EventBusName).rules.values()].filter((rule) =>
          [...rule.targets.values()].some((target) => target.Arn === TargetArn),
        );
        const { items, next } = page(rules, NextToken, Limit);
        return { RuleNames: items.map((rule) => rule.name), ...next };
      },
    },
  };
}

export function page<T>(
  items: T[],
  token: string | undefined,
  limit = 100,
): { items: T[]; next: { NextToken?: string } } {
  const from = token === undefined ? 0 : Number(Buffer.from(token, "base64url").toString());
  if (!Number.isInteger(from)) throw validation("NextToken is not valid.");
  const end = from + limit;
  const next = end < items.length ? { NextToken: Buffer.from(String(end)).toString("base64url") } : {};
  return { items: items.slice(from, end), next };
}

export function checkedPattern(text: string) {
  try {
    return parsePattern(text);
  } catch (error) {
    if (error instanceof PatternError) throw invalidPattern(error.message);
    throw error;
  }
}

function checkedSchedule(text: string) {
  try {
    return parseSchedule(text);
  } catch (error) {
    if (!(error instanceof ScheduleError)) throw error;
    if (error.message === "unsupported") throw notImplemented("eventbridge", "PutRule", `schedule ${text}`);
    throw validation("Parameter ScheduleExpression is not valid.");
  }
}

function checkTarget(target: Target): void {
  if (!target.Id) throw constraint("targets.1.member.id", undefined, "Member must not be null");
  const arn = target.Arn ?? "";
  if (!/^arn:[^:]+:[^:]+:[^:]*:[^:]*:.+$/.test(arn)) {
    throw validation(`Parameter ${arn} is not valid. Reason: Provided Arn is not in correct format.`);
  }
  if (!targetKind(arn)) throw notImplemented("eventbridge", "PutTargets", `target ${arn}`);
  const forms = [target.Input, target.InputPath, target.InputTransformer].filter((form) => form !== undefined);
  if (forms.length > 1) {
    throw validation(`Only one of Input, InputPath, or InputTransformer must be provided for target ${target.Id}.`);
  }
  if (target.Input !== undefined && !isJson(target.Input))
    throw validation(`JSON syntax error in input for target ${target.Id}.`);
  const paths = [target.InputPath ?? "$", ...Object.values(target.InputTransformer?.InputPathsMap ?? {})];
  for (const path of paths) {
    if (!pathSteps(path)) throw validation(`Invalid InputPath for target ${target.Id} : [${path}].`);
  }
}

function listed(rule: Rule) {
  return {
    Name: rule.name,
    Arn: rule.arn,
    ...(rule.patternText ? { EventPattern: rule.patternText } : {}),
    ...(rule.scheduleText ? { ScheduleExpression: rule.scheduleText } : {}),
    State: rule.enabled ? ("ENABLED" as const) : ("DISABLED" as const),
    ...(rule.description ? { Description: rule.description } : {}),
    ...(rule.roleArn ? { RoleArn: rule.roleArn } : {}),
    EventBusName: rule.busName,
  };
}
