import type { ResourceChange, ResourceChangeDetail } from "@aws-sdk/client-cloudformation";
import type { Principal } from "../../../kernel/service.ts";
import type { ResourceRecord, Stack } from "../model.ts";
import type { Json, JsonObject } from "../template/json.ts";
import type { Environment } from "./environment.ts";
import { type OperationRun, providerContext, resourceType } from "./provider-calls.ts";
import { changedProperties } from "./records.ts";

/**
 * Reads the live properties of a stack's resources, for a drift-aware change set: CloudFormation reads them when the
 * change set is created (user guide, "Using drift-aware change sets", 2025). Types that cannot be read are left out.
 */
export async function readLiveState(
  environment: Environment,
  stack: Stack,
  principal: Principal,
): Promise<Map<string, JsonObject>> {
  const live = new Map<string, JsonObject>();
  if (!environment.readsLiveState) return live;
  const { signal } = new AbortController();
  const run: OperationRun = { environment, stack, principal, signal, rollback: false, onWaiting: () => undefined };
  for (const record of stack.resources.values()) {
    const { read } = resourceType(environment, record.type);
    if (!read || record.physicalId === "") continue;
    const actual = await read.live(record, providerContext(run, record));
    const kept = Object.entries(record.properties).filter(([name]) => !read.properties.includes(name));
    live.set(record.logicalId, { ...Object.fromEntries(kept), ...actual });
  }
  return live;
}

/**
 * A resource's change as a drift-aware change set shows it: `SyncWithActual` where the template now says what is live
 * already, so that only CloudFormation's record changes (same page).
 */
export function driftAware(
  change: ResourceChange | undefined,
  record: ResourceRecord,
  actual: JsonObject | undefined,
  wanted: JsonObject,
): ResourceChange | undefined {
  const drifted = actual ? changedProperties(record.properties, actual) : [];
  if (drifted.length === 0) {
    return change && { ...change, ResourceDriftStatus: actual ? "IN_SYNC" : "UNSUPPORTED" };
  }
  const synced = drifted.filter((name) => changedProperties(actual!, wanted).every((other) => other !== name));
  const details = synced.map(
    (name): ResourceChangeDetail => ({
      Target: {
        Attribute: "Properties",
        Name: name,
        RequiresRecreation: "Never",
        Path: `/Properties/${name}`,
        BeforeValue: shown(actual![name]),
        AfterValue: shown(wanted[name]),
        BeforeValueFrom: "ACTUAL_STATE",
        AfterValueFrom: "TEMPLATE",
        Drift: { PreviousValue: shown(record.properties[name]), ActualValue: shown(actual![name]) },
        AttributeChangeType: "SyncWithActual",
      },
      Evaluation: "Static",
      ChangeSource: "DirectModification",
    }),
  );
  const { logicalId, physicalId, type } = record;
  return {
    ...(change ?? {
      Action: "SyncWithActual",
      LogicalResourceId: logicalId,
      PhysicalResourceId: physicalId,
      ResourceType: type,
      Scope: ["Properties"],
    }),
    ResourceDriftStatus: "MODIFIED",
    Details: [...(change?.Details ?? []), ...details],
  };
}

const shown = (value: Json | undefined) =>
  value === undefined || typeof value === "string" ? value : JSON.stringify(value);
