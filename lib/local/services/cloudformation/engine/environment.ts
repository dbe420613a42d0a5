import type { ResourceStatus, StackStatus } from "@aws-sdk/client-cloudformation";
import type { World } from "../../../kernel/service.ts";
import { validationError } from "../errors.ts";
import type { ResourceRecord, Stack, StackDefinition } from "../model.ts";
import type { ResourceTypes } from "../providers/resource-type.ts";
import { type PseudoParameters, pseudoParameter, staticScope } from "../template/define.ts";
import type { Scope } from "../template/intrinsics.ts";
import type { Json, JsonObject } from "../template/json.ts";

/** What the engine's parts share: the world, the resource types and all stacks. */
export class Environment {
  readonly world: World;
  readonly types: ResourceTypes;
  /** Whether live properties can be compared with in drift-aware change sets. */
  readonly readsLiveState: boolean;
  stacks: Stack[] = [];

  constructor(world: World, types: ResourceTypes, readsLiveState = true) {
    this.world = world;
    this.types = types;
    this.readsLiveState = readsLiveState;
  }

  /** By name (stacks that are not deleted) or by id (deleted stacks too). */
  find(nameOrId: string): Stack | undefined {
    return nameOrId.startsWith("arn:")
      ? this.stacks.find((stack) => stack.id === nameOrId)
      : this.stacks.find((stack) => stack.name === nameOrId && stack.status !== "DELETE_COMPLETE");
  }

  pseudo(stack: Stack, notificationArns: string[]): PseudoParameters {
    return {
      accountId: this.world.accountId,
      region: this.world.region,
      stackName: stack.name,
      stackId: stack.id,
      notificationArns,
    };
  }

  /**
   * A time for the next thing that happens to a stack: now, or a millisecond after the last one. Clients order events by
   * their time, and many happen at the same virtual instant.
   */
  tick(stack: Stack): number {
    const last = stack.events.at(-1)?.Timestamp?.getTime() ?? 0;
    return Math.max(this.world.clock.now(), last + 1);
  }

  setStatus(stack: Stack, status: StackStatus, reason?: string): void {
    stack.status = status;
    stack.statusReason = reason;
    stack.events.push({
      EventId: this.world.random.uuid(),
      StackId: stack.id,
      StackName: stack.name,
      LogicalResourceId: stack.name,
      PhysicalResourceId: stack.id,
      ResourceType: "AWS::CloudFormation::Stack",
      Timestamp: new Date(this.tick(stack)),
      ResourceStatus: status as ResourceStatus,
      ResourceStatusReason: reason,
    });
    this.world.announce("stack-status", { stackName: stack.name, status, reason });
  }

  recordEvent(
    stack: Stack,
    record: ResourceRecord,
    status: ResourceStatus,
    reason?: string,
    properties?: JsonObject,
  ): void {
    const at = this.tick(stack);
    record.status = status;
    record.statusReason = reason;
    record.updatedMs = at;
    stack.events.push({
      EventId: `${record.logicalId}-${status}-${new Date(at).toISOString()}`,
      StackId: stack.id,
      StackName: stack.name,
      LogicalResourceId: record.logicalId,
      PhysicalResourceId: record.physicalId,
      ResourceType: record.type,
      Timestamp: new Date(at),
      ResourceStatus: status,
      ResourceStatusReason: reason,
      ResourceProperties: properties === undefined ? undefined : JSON.stringify(properties),
    });
    const { logicalId, type, physicalId } = record;
    this.world.announce("stack-resource", { stackName: stack.name, logicalId, type, physicalId, status, reason });
  }

  /** What expressions of a definition see, with resources looked up in `resources`. */
  scope(
    stack: Stack,
    definition: StackDefinition,
    resources: (logicalId: string) => ResourceRecord | undefined,
  ): Scope {
    const pseudo = this.pseudo(stack, definition.notificationArns);
    const base = staticScope(definition.template, definition.parameters, pseudo);
    const resource = (logicalId: string): ResourceRecord => {
      const record = resources(logicalId);
      if (!record) throw validationError(`Unresolved resource dependencies [${logicalId}] in the template`);
      return record;
    };
    return {
      ...base,
      ref: (name) => definition.parameters[name]?.value ?? pseudoParameter(name, pseudo) ?? resource(name).ref,
      attribute: (logicalId, attribute) => attributeOf(resource(logicalId), attribute),
      condition: (name) => definition.conditions[name] ?? base.condition(name),
      importValue: (name) => this.importedValue(name),
    };
  }

  importedValue(name: string): string {
    for (const stack of this.stacks) {
      if (stack.status === "DELETE_COMPLETE") continue;
      const output = stack.outputs.find((candidate) => candidate.exportName === name);
      if (output) return output.value;
    }
    throw validationError(`No export named ${name} found.`);
  }
}

function attributeOf(record: ResourceRecord, attribute: string): Json {
  const whole = record.attributes[attribute];
  if (whole !== undefined) return whole;
  throw validationError(
    `Template error: resource ${record.logicalId} does not support attribute type ${attribute} in Fn::GetAtt`,
  );
}
