import type {
  PutEventsRequest,
  PutEventsRequestEntry,
  PutEventsResponse,
  PutEventsResultEntry,
  TestEventPatternRequest,
} from "@aws-sdk/client-eventbridge";
import type { World } from "../../kernel/service.ts";
import type { EventRouter } from "./bus.ts";
import { constraint, validation } from "./errors.ts";
import { matchesPattern } from "./pattern.ts";
import { checkedPattern } from "./rule-operations.ts";

/** A request's entries may be 256 KB together (API reference, 2025). */
const REQUEST_LIMIT_BYTES = 262_144;

export function eventOperations(world: World, router: EventRouter) {
  function putEvents({ Entries = [] }: PutEventsRequest): PutEventsResponse {
    if (Entries.length === 0) throw constraint("entries", "[]", "Member must have length greater than or equal to 1");
    if (Entries.length > 10) {
      throw constraint(
        "entries",
        `[${Entries.map(shown).join(", ")}]`,
        "Member must have length less than or equal to 10",
      );
    }
    if (Entries.reduce((bytes, entry) => bytes + entryBytes(entry), 0) > REQUEST_LIMIT_BYTES) {
      throw validation("Total size of the entries in the request is over the limit.");
    }
    const results = Entries.map(putEvent);
    return { Entries: results, FailedEntryCount: results.filter((result) => result.ErrorCode).length };
  }

  function putEvent(entry: PutEventsRequestEntry): PutEventsResultEntry {
    for (const name of ["Source", "DetailType", "Detail"] as const) {
      if (!entry[name]) {
        return {
          ErrorCode: "InvalidArgument",
          ErrorMessage: `Parameter ${name} is not valid. Reason: ${name} is a required argument.`,
        };
      }
    }
    const detail = jsonObject(entry.Detail ?? "");
    if (!detail) return { ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed." };
    if (entry.Source?.startsWith("aws.")) {
      return { ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "Not authorized for the source." };
    }
    const event = router.event(
      {
        source: entry.Source ?? "",
        detailType: entry.DetailType ?? "",
        resources: entry.Resources ?? [],
        detail,
      },
      entry.Time?.getTime() ?? world.clock.now(),
    );
    const bus = (entry.EventBusName ?? "default").split("event-bus/").at(-1) ?? "default";
    // An event for a bus that does not exist is accepted and lost, as in AWS. [unverified]
    router.accept(bus, event);
    return { EventId: event.id };
  }

  function testEventPattern({ EventPattern = "", Event = "" }: TestEventPatternRequest): { Result: boolean } {
    const pattern = checkedPattern(EventPattern);
    const event = jsonObject(Event);
    if (!event) throw validation("Parameter Event is not valid.");
    for (const field of ["id", "account", "source", "time", "region", "resources", "detail-type"]) {
      if (event[field] === undefined) throw validation("Parameter Event is not valid.");
    }
    return { Result: matchesPattern(pattern, event) };
  }

  return { PutEvents: putEvents, TestEventPattern: testEventPattern };
}

function jsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function entryBytes({
  Source = "",
  DetailType = "",
  Detail = "",
  Resources = [],
  Time,
}: PutEventsRequestEntry): number {
  return [Source, DetailType, Detail, ...Resources].reduce((sum, text) => sum + Buffer.byteLength(text), Time ? 14 : 0);
}

/** How the service prints an entry in a constraint's text (recorded 2024-12). */
function shown(entry: PutEventsRequestEntry): string {
  const { Source, DetailType, Detail, EventBusName, Resources } = entry;
  const text = (value: unknown) => (value === undefined ? "null" : String(value));
  return `PutEventsRequestEntry(time=${text(entry.Time)}, source=${text(Source)}, resources=${text(Resources)}, detailType=${text(DetailType)}, detail=${text(Detail)}, eventBusName=${text(EventBusName)}, traceHeader=null, kmsKeyIdentifier=null, internalMetadata=null)`;
}
