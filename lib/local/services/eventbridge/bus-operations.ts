import type {
  CreateEventBusRequest,
  CreateEventBusResponse,
  DescribeEventBusResponse,
  ListEventBusesRequest,
  Tag,
} from "@aws-sdk/client-eventbridge";
import { AwsError, notImplemented } from "../../kernel/errors.ts";
import type { EventRouter } from "./bus.ts";
import { notFound, ruleNotFound, validation } from "./errors.ts";
import type { EventBus } from "./records.ts";
import { page } from "./rule-operations.ts";

export function busOperations(router: EventRouter, findBus: (name?: string) => EventBus) {
  const taggedThing = (arn = ""): Map<string, string> => {
    const path = arn.split(":").slice(5).join(":");
    if (path.startsWith("event-bus/")) return findBus(arn).tags;
    const [kind, ...names] = path.split("/");
    if (kind !== "rule") throw notFound(`Resource ${arn} not found.`);
    const rule = names.at(-1) ?? "";
    const bus = findBus(names.length > 1 ? names[0] : "default");
    const found = bus.rules.get(rule);
    if (!found) throw ruleNotFound(rule, bus.name);
    return found.tags;
  };

  return {
    CreateEventBus: (input: CreateEventBusRequest): CreateEventBusResponse => {
      const { Name = "", Description, Tags = [] } = input;
      if (!/^[A-Za-z0-9._/-]{1,256}$/.test(Name) || Name === "default" || Name.startsWith("aws.")) {
        throw validation(`Event bus name ${Name} is not valid.`);
      }
      if (input.EventSourceName !== undefined) throw notImplemented("eventbridge", "CreateEventBus", "EventSourceName");
      if (router.buses.has(Name)) {
        throw new AwsError("ResourceAlreadyExistsException", `Event bus ${Name} already exists.`);
      }
      const bus = router.addBus(Name, Description);
      for (const { Key = "", Value = "" } of Tags) bus.tags.set(Key, Value);
      return { EventBusArn: bus.arn, ...(Description ? { Description } : {}) };
    },
    DescribeEventBus: ({ Name }: { Name?: string }): DescribeEventBusResponse => describe(findBus(Name)),
    ListEventBuses: ({ NamePrefix = "", NextToken, Limit }: ListEventBusesRequest) => {
      const buses = [...router.buses.values()].filter((bus) => bus.name.startsWith(NamePrefix));
      const { items, next } = page(buses, NextToken, Limit);
      return { EventBuses: items.map(describe), ...next };
    },
    DeleteEventBus: ({ Name = "" }: { Name?: string }) => {
      if (Name === "default") throw validation("Cannot delete event bus default.");
      const bus = router.buses.get(Name);
      // Deleting a bus that is not there is no error (recorded 2024-12).
      if (!bus) return {};
      if (bus.rules.size > 0) throw validation("Event bus can't be deleted since it has rules.");
      router.buses.delete(Name);
      return {};
    },
    TagResource: ({ ResourceARN, Tags = [] }: { ResourceARN?: string; Tags?: Tag[] }) => {
      const tags = taggedThing(ResourceARN);
      for (const { Key = "", Value = "" } of Tags) tags.set(Key, Value);
      return {};
    },
    UntagResource: ({ ResourceARN, TagKeys = [] }: { ResourceARN?: string; TagKeys?: string[] }) => {
      const tags = taggedThing(ResourceARN);
      for (const key of TagKeys) tags.delete(key);
      return {};
    },
    ListTagsForResource: ({ ResourceARN }: { ResourceARN?: string }) => ({
      Tags: [...taggedThing(ResourceARN)].map(([Key, Value]) => ({ Key, Value })),
    }),
  };
}

function describe(bus: EventBus) {
  return {
    Name: bus.name,
    Arn: bus.arn,
    ...(bus.description ? { Description: bus.description } : {}),
    ...(bus.policy ? { Policy: bus.policy } : {}),
    CreationTime: new Date(bus.createdMs),
    LastModifiedTime: new Date(bus.modifiedMs),
  };
}
