import {
  type AttributeValue,
  DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from "@aws-sdk/client-dynamodb";
import { LEDGER_KEYS, LEDGER_PARTITIONS as PARTITION } from "../contract/names.ts";
import { GoaroundError } from "../core/errors.ts";
import type { LedgerPort } from "../core/ports.ts";
import { EMPTY_ENVIRONMENT, type EnvironmentRecord } from "../core/release/environment-record.ts";
import type { RollbackRecord } from "../core/release/journal.ts";
import { CLAIM_LEASE_MS } from "../core/release/lease.ts";
import type { AliasRecord, ReleaseRecord } from "../core/release/records.ts";
import { errorName, toGoaroundError } from "./errors.ts";
import { type AdapterOptions, connect, lazy } from "./options.ts";

/** Records are kept as long as the audit asks for. Days. */
const RETENTION_DAYS = 365;
const DAY_SECONDS = 86_400;
/** Of any number of writers at once one wins each round: enough for a group of 25 functions and some operators. */
const MAX_ROUNDS = 50;
/** Holds a claim whose action has happened. */
const NOBODY = "(done)";
/** Counts the writes of a record that several actors change. */
const REVISION = "revision";

/**
 * One table, `pk` and `sk`:
 *
 * | pk | sk | holds |
 * |---|---|---|
 * | `release#<deploymentId>` | `record` | the release record, one attribute a field |
 * | `release#<deploymentId>` | `claim#<name>` | who acts: `owner`, `(done)` when it is, and until when nobody else may: `heldUntilMs` |
 * | `alias#<function>#<alias>` | `record` | the alias record; does not expire |
 * | `alias#<function>#<alias>` | `rollback` | lease and journal of its newest rollback |
 * | `rollback#<id>` | `record` | a rollback that has ended |
 * | `environment` | `record` | freezes, orders, latches and killed flags; does not expire |
 *
 * Every write is one conditional UpdateItem: no transactions, so that no partner of a transaction can hold a rollback up.
 */
export function createLedger(
  table: string,
  options: AdapterOptions = {},
  now: () => Date = () => new Date(),
): LedgerPort {
  const client = lazy(() => connect(DynamoDBClient, options));
  const http = { abortSignal: options.signal };
  const releaseKey = (deploymentId: string) => key(`${PARTITION.release}${deploymentId}`);
  const aliasKey = (functionName: string, alias: string) => key(`${PARTITION.alias}${functionName}#${alias}`);
  const claimKey = (deploymentId: string, claim: string) =>
    key(`${PARTITION.release}${deploymentId}`, `claim#${claim}`);
  const rollbackKey = (functionName: string, alias: string) =>
    key(`${PARTITION.alias}${functionName}#${alias}`, "rollback");
  const environmentKey = key(PARTITION.environment);
  const expiresAt = () => Math.floor(now().getTime() / 1000) + RETENTION_DAYS * DAY_SECONDS;

  async function read(Key: Record<string, AttributeValue>): Promise<Record<string, unknown> | undefined> {
    try {
      const answer = await client().send(new GetItemCommand({ TableName: table, Key, ConsistentRead: true }), http);
      return answer.Item && fromItem(answer.Item);
    } catch (error) {
      throw toGoaroundError(error, { operation: "dynamodb GetItem", subject: `ledger ${table}` });
    }
  }

  /** False when the condition does not hold. */
  async function write(input: Omit<UpdateItemCommandInput, "TableName">): Promise<boolean> {
    try {
      await client().send(new UpdateItemCommand({ TableName: table, ...input }), http);
      return true;
    } catch (error) {
      if (errorName(error) === "ConditionalCheckFailedException") return false;
      throw toGoaroundError(error, { operation: "dynamodb UpdateItem", subject: `ledger ${table}` });
    }
  }

  /** Reads, changes, and writes over the very revision that was read; answers the fields that were set. */
  async function change(
    Key: Record<string, AttributeValue>,
    subject: string,
    work: (item: Record<string, unknown> | undefined) => Record<string, unknown> | undefined,
  ): Promise<Record<string, unknown>> {
    for (let round = 1; round <= MAX_ROUNDS; round += 1) {
      const item = await read(Key);
      const changes = work(item && withoutKeys(item));
      if (!changes) return {};
      const revision = Number(item?.[REVISION] ?? 0);
      if (await write({ Key, ...onRevision(setting({ ...changes, [REVISION]: revision + 1 }), revision) }))
        return changes;
    }
    throw new GoaroundError("conflict", "dependency", `${subject} was changed by others ${MAX_ROUNDS} times in a row`, {
      advice: "Many actors write it at once. Run the same command again.",
    });
  }

  return {
    async getRelease(deploymentId) {
      const item = await read(releaseKey(deploymentId));
      return item && (withoutKeys(item) as unknown as ReleaseRecord);
    },

    openRelease: (record) =>
      write({
        Key: releaseKey(record.deploymentId),
        ...setting({ ...record, [LEDGER_KEYS.expiry]: expiresAt() }, "openedAt", emptyFields(record)),
      }),

    async updateRelease(deploymentId, changes) {
      await write({
        Key: releaseKey(deploymentId),
        ...setting({ ...changes, deploymentId, [LEDGER_KEYS.expiry]: expiresAt() }),
      });
    },

    async claim(deploymentId, claim, owner) {
      const nowMs = now().getTime();
      const heldUntilMs = nowMs + CLAIM_LEASE_MS;
      const fields = { owner, heldUntilMs, [LEDGER_KEYS.expiry]: expiresAt() };
      const { ConditionExpression, ...update } = setting(fields, "owner");
      return write({
        Key: claimKey(deploymentId, claim),
        ...update,
        ConditionExpression: `${ConditionExpression} OR #unless = :v0 OR #f1 < :now`,
        ExpressionAttributeValues: { ...update.ExpressionAttributeValues, ":now": { N: String(nowMs) } },
      });
    },

    async complete(deploymentId, claim) {
      const fields = { owner: NOBODY, heldUntilMs: undefined, [LEDGER_KEYS.expiry]: expiresAt() };
      await write({ Key: claimKey(deploymentId, claim), ...setting(fields) });
    },

    wasClaimed: async (deploymentId, claim) => (await read(claimKey(deploymentId, claim))) !== undefined,

    async getAlias(functionName, alias) {
      const item = await read(aliasKey(functionName, alias));
      return item && ({ knownBad: {}, ...withoutKeys(item) } as unknown as AliasRecord);
    },

    async changeAlias(functionName, alias, work) {
      await change(aliasKey(functionName, alias), `the ledger of ${functionName}:${alias}`, (item) => {
        const changes = work(item && ({ knownBad: {}, ...item } as unknown as AliasRecord));
        return changes && { ...changes, functionName, alias };
      });
    },

    async getEnvironment() {
      return toEnvironment(await read(environmentKey));
    },

    async changeEnvironment(work) {
      let before = EMPTY_ENVIRONMENT;
      const changes = await change(environmentKey, "the environment's record", (item) => {
        before = toEnvironment(item);
        return work(before) as Record<string, unknown> | undefined;
      });
      return { ...before, ...changes };
    },

    async getRollback(functionName, alias) {
      const item = await read(rollbackKey(functionName, alias));
      return item && (JSON.parse(String(item.rollback)) as RollbackRecord);
    },

    putRollback(record, expected) {
      const fields = {
        rollback: JSON.stringify(record),
        [REVISION]: record.revision,
        [LEDGER_KEYS.expiry]: expiresAt(),
      };
      const Key = rollbackKey(record.functionName, record.alias);
      return write({ Key, ...onRevision(setting(fields), expected) });
    },

    async archiveRollback(record) {
      const fields = { rollback: JSON.stringify(record), [LEDGER_KEYS.expiry]: expiresAt() };
      await write({ Key: key(`${PARTITION.rollback}${record.id}`), ...setting(fields) });
    },
  };
}

const toEnvironment = (item: Record<string, unknown> | undefined): EnvironmentRecord => ({
  ...EMPTY_ENVIRONMENT,
  ...(item && (withoutKeys(item) as Partial<EnvironmentRecord>)),
});

type Setting = ReturnType<typeof setting>;

/** Only over that revision; 0: only where nobody has counted yet. */
const onRevision = (update: Setting, revision: number) => ({
  ...update,
  ConditionExpression: revision === 0 ? "attribute_not_exists(#revision)" : "#revision = :revision",
  ExpressionAttributeNames: { ...update.ExpressionAttributeNames, "#revision": REVISION },
  ExpressionAttributeValues: {
    ...update.ExpressionAttributeValues,
    ...(revision === 0 ? {} : { ":revision": { N: String(revision) } }),
  },
});

const key = (pk: string, sk = "record") => ({ [LEDGER_KEYS.partition]: { S: pk }, [LEDGER_KEYS.sort]: { S: sk } });

/** Fields in which the opening record says nothing: what was written before stays. */
const emptyFields = (record: ReleaseRecord) =>
  new Set(
    Object.entries(record)
      .filter(([, value]) => value === undefined || (Array.isArray(value) && value.length === 0))
      .map(([name]) => name),
  );

/**
 * `SET` for every field (undefined removes it), only when `unless` is not set yet. Fields of `keep` are written only
 * where there is nothing.
 */
function setting(fields: Record<string, unknown>, unless?: string, keep: ReadonlySet<string> = new Set()) {
  const names: Record<string, string> = {};
  const values: Record<string, AttributeValue> = {};
  const sets: string[] = [];
  const removes: string[] = [];
  Object.entries(fields).forEach(([name, value], i) => {
    names[`#f${i}`] = name;
    if (value === undefined) {
      if (keep.has(name)) delete names[`#f${i}`];
      else removes.push(`#f${i}`);
      return;
    }
    values[`:v${i}`] = toAttribute(value);
    sets.push(keep.has(name) ? `#f${i} = if_not_exists(#f${i}, :v${i})` : `#f${i} = :v${i}`);
  });
  if (unless !== undefined) names["#unless"] = unless;
  return {
    UpdateExpression: [
      sets.length > 0 ? `SET ${sets.join(", ")}` : "",
      removes.length > 0 ? `REMOVE ${removes.join(", ")}` : "",
    ]
      .filter(Boolean)
      .join(" "),
    ...(unless === undefined ? {} : { ConditionExpression: "attribute_not_exists(#unless)" }),
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: values,
  };
}

/** The record without the table's own attributes. */
function withoutKeys(item: Record<string, unknown>): Record<string, unknown> {
  const own = new Set<string>([...Object.values(LEDGER_KEYS), REVISION]);
  return Object.fromEntries(Object.entries(item).filter(([name]) => !own.has(name)));
}

/**
 * Scalars as themselves; whatever has a structure as JSON text in `json`. DynamoDB refuses empty attribute names and
 * more than 32 levels, both of which a smoke test's payload may have.
 */
function toAttribute(value: unknown): AttributeValue {
  if (typeof value === "string") return { S: value };
  if (typeof value === "number") return { N: String(value) };
  if (typeof value === "boolean") return { BOOL: value };
  return { M: { json: { S: JSON.stringify(value) } } };
}

function fromAttribute(attribute: AttributeValue): unknown {
  if (attribute.S !== undefined) return attribute.S;
  if (attribute.N !== undefined) return Number(attribute.N);
  if (attribute.BOOL !== undefined) return attribute.BOOL;
  return JSON.parse(attribute.M?.json?.S ?? "null");
}

const fromItem = (item: Record<string, AttributeValue>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(item).map(([name, attribute]) => [name, fromAttribute(attribute)]));
