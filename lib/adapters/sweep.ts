import { DynamoDBClient, GetItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { DisableRuleCommand, EnableRuleCommand, EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { LEDGER_KEYS, LEDGER_PARTITIONS, sweepRuleName } from "../contract/names.ts";
import type { SweepPort } from "../core/release/watch-ports.ts";
import { calling } from "./errors.ts";
import { type AdapterOptions, connect, lazy } from "./options.ts";

/** Item `open-releases` of the ledger's table; its set `ids` takes concurrent writers without a condition. */
const KEY = { [LEDGER_KEYS.partition]: { S: LEDGER_PARTITIONS.openReleases }, [LEDGER_KEYS.sort]: { S: "record" } };
const IDS = "ids";

export function createSweep(table: string, environment: string, options: AdapterOptions = {}): SweepPort {
  const dynamodb = lazy(() => connect(DynamoDBClient, options));
  const events = lazy(() => connect(EventBridgeClient, options));
  const http = { abortSignal: options.signal };
  const rule = sweepRuleName(environment);

  async function change(verb: "ADD" | "DELETE", deploymentId: string): Promise<void> {
    const command = new UpdateItemCommand({
      TableName: table,
      Key: KEY,
      UpdateExpression: `${verb} #ids :ids`,
      ExpressionAttributeNames: { "#ids": IDS },
      ExpressionAttributeValues: { ":ids": { SS: [deploymentId] } },
    });
    await calling(
      { operation: "dynamodb UpdateItem", subject: `open releases in ledger ${table}` },
      dynamodb().send(command, http),
    );
  }

  return {
    add: (deploymentId) => change("ADD", deploymentId),
    remove: (deploymentId) => change("DELETE", deploymentId),
    async list() {
      const command = new GetItemCommand({ TableName: table, Key: KEY, ConsistentRead: true });
      const { Item } = await calling(
        { operation: "dynamodb GetItem", subject: `open releases in ledger ${table}` },
        dynamodb().send(command, http),
      );
      return Item?.[IDS]?.SS ?? [];
    },
    async enable() {
      const call = events().send(new EnableRuleCommand({ Name: rule }), http);
      await calling({ operation: "events EnableRule", subject: rule }, call);
    },
    async disable() {
      const call = events().send(new DisableRuleCommand({ Name: rule }), http);
      await calling({ operation: "events DisableRule", subject: rule }, call);
    },
  };
}
