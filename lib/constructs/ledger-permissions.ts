import { LEDGER_PARTITIONS } from "../contract/names.ts";
import type { Permission } from "./least-privilege-role.ts";

export type LedgerPartition = keyof typeof LEDGER_PARTITIONS;

/**
 * Rights on items of the ledger's table by their partition keys. `ForAllValues` is what DynamoDB's guide asks for, and holds
 * where a request names no key at all: hence the `Null` (DynamoDB developer guide, fine-grained access control; IAM user guide,
 * multivalued context keys, 2026).
 */
export const ledgerItems = (
  actions: string[],
  tableArn: string,
  partitions: readonly LedgerPartition[],
): Permission => ({
  actions,
  resources: [tableArn],
  conditions: {
    "ForAllValues:StringLike": {
      "dynamodb:LeadingKeys": partitions.map((name) => LEDGER_PARTITIONS[name].replace(/#$/, "#*")),
    },
    Null: { "dynamodb:LeadingKeys": "false" },
  },
});
