import {
  type AttributeValue,
  DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { LEDGER_KEYS, LEDGER_PARTITIONS } from "../contract/names.ts";
import { type Addition, leavingOut, noSignals, type SignalCounts, type SignalPlan } from "../core/signals/count.ts";
import type { KnownInterval, SignalBooksPort } from "../core/signals/ports.ts";
import { ERROR_KINDS } from "../core/signals/records.ts";
import { calling, errorName, toGoaroundError } from "./errors.ts";
import { type AdapterOptions, connect, lazy } from "./options.ts";

/** Counts are of use while their release is open, which is 50 hours at most. Seconds. */
const KEPT_SECONDS = 7 * 86_400;
/** Of one plan at once, at most. There is one watch for each release. */
const WRITERS = 10;
const BATCHES = "batches";
const PLAN = "plan";
/** Of which the highest counts. */
const PEAKS = ["memoryMb", "lagSeconds"] as const;
/** Before an environment's key; short, because there may be many. */
const ENVIRONMENT = "e#";
const ENVIRONMENT_ERRORS = "f#";

/**
 * In the ledger's table:
 *
 * | pk | sk | holds |
 * |---|---|---|
 * | `signals#<log group>` | `record` | the plan of the release that is open |
 * | `signals#<deploymentId>` | `<interval, ISO>#<version>#<part>` | counts of one version in one interval, of a sixteenth of its log streams |
 *
 * Counts are numbers that writers add to, and sets that they add to: of peaks, and of the batches that are in them.
 * Requests and errors of an environment are numbers of their own, of at most 256 environments: 4 KB of an item. One conditional write adds a batch and its id, so that one that comes again changes nothing.
 */
export function createSignalBooks(
  table: string,
  options: AdapterOptions = {},
  now: () => Date = () => new Date(),
): SignalBooksPort {
  const client = lazy(() => connect(DynamoDBClient, options));
  const http = { abortSignal: options.signal };
  const about = (operation: string) => ({ operation: `dynamodb ${operation}`, subject: `signals in ledger ${table}` });
  const expiry = () => ({ N: String(Math.floor(now().getTime() / 1000) + KEPT_SECONDS) });
  const planKey = (logGroup: string) => key(`${LEDGER_PARTITIONS.signals}${logGroup}`, "record");

  async function readPlan(logGroup: string): Promise<string | undefined> {
    const command = new GetItemCommand({ TableName: table, Key: planKey(logGroup), ConsistentRead: true });
    const { Item } = await calling(about("GetItem"), client().send(command, http));
    return Item?.[PLAN]?.S;
  }

  return {
    async open(logGroup, plan) {
      const command = new UpdateItemCommand({
        TableName: table,
        Key: planKey(logGroup),
        UpdateExpression: "SET #plan = :plan, #id = :id, #expiry = :expiry",
        ExpressionAttributeNames: { "#plan": PLAN, "#id": "deploymentId", "#expiry": LEDGER_KEYS.expiry },
        ExpressionAttributeValues: {
          ":plan": { S: JSON.stringify(plan) },
          ":id": { S: plan.deploymentId },
          ":expiry": expiry(),
        },
      });
      await calling(about("UpdateItem"), client().send(command, http));
    },

    async planOf(logGroup) {
      const text = await readPlan(logGroup);
      return text === undefined ? undefined : (JSON.parse(text) as SignalPlan);
    },

    async leaveOut(logGroup, deploymentId, requests) {
      for (let attempt = 1; ; attempt += 1) {
        const text = await readPlan(logGroup);
        const plan = text === undefined ? undefined : (JSON.parse(text) as SignalPlan);
        if (text === undefined || plan?.deploymentId !== deploymentId) return;
        const command = new UpdateItemCommand({
          TableName: table,
          Key: planKey(logGroup),
          UpdateExpression: "SET #plan = :plan",
          // Else a close, or another release's plan, of between the two would be undone.
          ConditionExpression: "#plan = :read",
          ExpressionAttributeNames: { "#plan": PLAN },
          ExpressionAttributeValues: {
            ":plan": { S: JSON.stringify(leavingOut(plan, requests)) },
            ":read": { S: text },
          },
        });
        try {
          await client().send(command, http);
          return;
        } catch (error) {
          const isOvertaken = errorName(error) === "ConditionalCheckFailedException";
          if (!isOvertaken || attempt === WRITERS) throw toGoaroundError(error, about("UpdateItem"));
        }
      }
    },

    async close(logGroup, deploymentId) {
      const command = new UpdateItemCommand({
        TableName: table,
        Key: planKey(logGroup),
        UpdateExpression: "REMOVE #plan",
        ConditionExpression: "#id = :id",
        ExpressionAttributeNames: { "#plan": PLAN, "#id": "deploymentId" },
        ExpressionAttributeValues: { ":id": { S: deploymentId } },
      });
      try {
        await client().send(command, http);
      } catch (error) {
        // Another release has it, or there never was a plan.
        if (errorName(error) !== "ConditionalCheckFailedException") throw toGoaroundError(error, about("UpdateItem"));
      }
    },

    async add(deploymentId, addition) {
      try {
        await client().send(
          new UpdateItemCommand({ TableName: table, ...adding(deploymentId, addition, expiry()) }),
          http,
        );
        return "added";
      } catch (error) {
        if (errorName(error) === "ConditionalCheckFailedException") return "known";
        throw toGoaroundError(error, about("UpdateItem"));
      }
    },

    async read(deploymentId, fromMs, toMs) {
      const found: KnownInterval[] = [];
      let ExclusiveStartKey: Record<string, AttributeValue> | undefined;
      do {
        const command: QueryCommand = new QueryCommand({
          TableName: table,
          KeyConditionExpression: "#pk = :pk AND #sk BETWEEN :from AND :to",
          ExpressionAttributeNames: { "#pk": LEDGER_KEYS.partition, "#sk": LEDGER_KEYS.sort },
          ExpressionAttributeValues: {
            ":pk": { S: `${LEDGER_PARTITIONS.signals}${deploymentId}` },
            ":from": { S: new Date(fromMs).toISOString() },
            // The bare time sorts before the same time with a version behind it.
            ":to": { S: new Date(toMs).toISOString() },
          },
          ConsistentRead: true,
          ExclusiveStartKey,
        });
        const page = await calling(about("Query"), client().send(command, http));
        found.push(...(page.Items ?? []).map(toInterval));
        ExclusiveStartKey = page.LastEvaluatedKey;
      } while (ExclusiveStartKey);
      return found;
    },
  };
}

function adding(deploymentId: string, { version, fromMs, counts, batchId, part }: Addition, expiry: AttributeValue) {
  const numbers: Record<string, number> = {
    requests: counts.requests,
    initFailures: counts.initFailures,
    coldStarts: counts.coldStarts,
    durationMs: counts.durationMs,
    ...Object.fromEntries(ERROR_KINDS.map((kind) => [`error-${kind}`, counts.errors[kind]])),
    ...Object.fromEntries(counts.slow.map((count, i) => [`slow-${i}`, count])),
  };
  const added: [string, AttributeValue][] = Object.entries(numbers).map(([name, value]) => [
    name,
    { N: String(value) },
  ]);
  for (const [id, { requests, errors }] of Object.entries(counts.environments)) {
    added.push([`${ENVIRONMENT}${id}`, { N: String(requests) }]);
    if (errors > 0) added.push([`${ENVIRONMENT_ERRORS}${id}`, { N: String(errors) }]);
  }
  for (const name of PEAKS) {
    if (counts[name] !== undefined) added.push([name, { NS: [String(counts[name])] }]);
  }
  added.push([BATCHES, { SS: [batchId] }]);
  return {
    Key: key(`${LEDGER_PARTITIONS.signals}${deploymentId}`, `${new Date(fromMs).toISOString()}#${version}#${part}`),
    UpdateExpression: `ADD ${added.map((_, i) => `#a${i} :a${i}`).join(", ")} SET #expiry = :expiry`,
    ConditionExpression: "NOT contains(#batches, :batch)",
    ExpressionAttributeNames: {
      "#batches": BATCHES,
      "#expiry": LEDGER_KEYS.expiry,
      ...Object.fromEntries(added.map(([name], i) => [`#a${i}`, name])),
    },
    ExpressionAttributeValues: {
      ":batch": { S: batchId },
      ":expiry": expiry,
      ...Object.fromEntries(added.map(([, value], i) => [`:a${i}`, value])),
    },
  };
}

function toInterval(item: Record<string, AttributeValue>): KnownInterval {
  const [at = "", version = ""] = (item[LEDGER_KEYS.sort]?.S ?? "").split("#");
  const number = (name: string) => Number(item[name]?.N ?? 0);
  const thresholds = Object.keys(item).filter((name) => name.startsWith("slow-")).length;
  const peak = (name: (typeof PEAKS)[number]) => {
    const seen = item[name]?.NS?.map(Number);
    return seen && Math.max(...seen);
  };
  const environments = Object.keys(item)
    .filter((name) => name.startsWith(ENVIRONMENT))
    .map((name) => name.slice(ENVIRONMENT.length))
    .map((id) => [id, { requests: number(`${ENVIRONMENT}${id}`), errors: number(`${ENVIRONMENT_ERRORS}${id}`) }]);
  const counts: SignalCounts = {
    ...noSignals(thresholds),
    requests: number("requests"),
    errors: Object.fromEntries(ERROR_KINDS.map((kind) => [kind, number(`error-${kind}`)])) as SignalCounts["errors"],
    initFailures: number("initFailures"),
    coldStarts: number("coldStarts"),
    durationMs: number("durationMs"),
    slow: Array.from({ length: thresholds }, (_, i) => number(`slow-${i}`)),
    memoryMb: peak("memoryMb"),
    lagSeconds: peak("lagSeconds"),
    environments: Object.fromEntries(environments),
  };
  return { version, fromMs: Date.parse(at), counts };
}

const key = (pk: string, sk: string) => ({ [LEDGER_KEYS.partition]: { S: pk }, [LEDGER_KEYS.sort]: { S: sk } });
