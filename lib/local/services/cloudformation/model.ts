import type {
  Change,
  ChangeSetStatus,
  ExecutionStatus,
  ResourceStatus,
  RollbackConfiguration,
  StackEvent,
  StackStatus,
  Tag,
} from "@aws-sdk/client-cloudformation";
import type { Json, JsonObject } from "./template/json.ts";
import type { ParameterValue } from "./template/parameters.ts";
import type { DeletionPolicy, Template } from "./template/parse.ts";

/** A template with everything that a request adds to it: what a stack should become, or has become. */
export interface StackDefinition {
  body: string;
  template: Template;
  parameters: Record<string, ParameterValue>;
  tags: Tag[];
  capabilities: string[];
  notificationArns: string[];
  rollbackConfiguration: RollbackConfiguration;
  roleArn: string | undefined;
  conditions: Record<string, boolean>;
  /** Logical ids whose condition holds, each with the logical ids that it depends on. */
  dependencies: Map<string, string[]>;
}

/** CloudFormation's record of one resource: its last successful state, not what is live. */
export interface ResourceRecord {
  logicalId: string;
  type: string;
  /** Empty until the resource exists. */
  physicalId: string;
  ref: Json;
  attributes: JsonObject;
  /** Evaluated; dynamic references are left unresolved, as only the template counts for comparison. */
  properties: JsonObject;
  metadata: JsonObject | undefined;
  deletionPolicy: DeletionPolicy;
  updateReplacePolicy: DeletionPolicy;
  updatePolicy: JsonObject | undefined;
  dependsOn: string[];
  status: ResourceStatus;
  statusReason: string | undefined;
  updatedMs: number;
}

/** What an operation has done to one resource and has neither confirmed nor undone yet. */
export interface PendingChange {
  kind: "created" | "updated" | "replaced";
  /** The record before the operation. */
  before: ResourceRecord | undefined;
  /** The properties that were tried; differs from the record's when the update failed. */
  attempted: JsonObject;
  failed: boolean;
  /** The resource of an undone replacement: the old one is back in the stack, this one waits for the clean-up. */
  leftover?: ResourceRecord;
}

export interface ChangeSet {
  id: string;
  name: string;
  type: "CREATE" | "UPDATE";
  description: string | undefined;
  definition: StackDefinition;
  changes: Change[];
  status: ChangeSetStatus;
  statusReason: string | undefined;
  executionStatus: ExecutionStatus;
  createdMs: number;
  includeNestedStacks: boolean;
  /** Of a drift-aware change set: the live properties of the resources that can be read, by logical id. */
  live: ReadonlyMap<string, JsonObject> | undefined;
  onStackFailure: "ROLLBACK" | "DELETE" | "DO_NOTHING" | undefined;
}

export interface Stack {
  id: string;
  name: string;
  status: StackStatus;
  statusReason: string | undefined;
  /** The definition of the last operation that was begun; undefined in REVIEW_IN_PROGRESS. */
  definition: StackDefinition | undefined;
  /** The definition to go back to: the last one that completed. */
  stableDefinition: StackDefinition | undefined;
  resources: Map<string, ResourceRecord>;
  pending: Map<string, PendingChange>;
  outputs: { key: string; value: string; description?: string; exportName?: string }[];
  changeSets: ChangeSet[];
  changeSetId: string | undefined;
  /** Oldest first. */
  events: StackEvent[];
  createdMs: number;
  updatedMs: number | undefined;
  deletedMs: number | undefined;
  disableRollback: boolean;
  terminationProtection: boolean;
  /** The operation in progress: settles when the stack has a final status, and can be cancelled. */
  operation:
    | { settled: Promise<void>; cancel: AbortController; kind: "create" | "update" | "delete" | "rollback" }
    | undefined;
}
