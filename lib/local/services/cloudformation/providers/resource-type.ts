import type { Principal, World } from "../../../kernel/service.ts";
import type { Json, JsonObject } from "../template/json.ts";

/** What a provider says about a resource that it created or updated. */
export interface Provisioned {
  physicalId: string;
  /** What `Ref` yields, where it is not the physical id. */
  ref?: Json;
  /** What `Fn::GetAtt` yields. Attributes that are properties too must be listed as well. */
  attributes?: JsonObject;
}

/** A resource as recorded, with dynamic references resolved. */
export interface ExistingResource {
  physicalId: string;
  attributes: JsonObject;
  properties: JsonObject;
}

export interface ProviderContext {
  readonly world: World;
  readonly stackId: string;
  readonly stackName: string;
  readonly logicalId: string;
  /** The execution role of the stack, or who asked for the operation. */
  readonly principal: Principal;
  /** Aborted when a sibling fails or the update is cancelled; long waits end with `ResourceCancelled`. */
  readonly signal: AbortSignal;
  readonly rollback: boolean;
  /** With `rollback`: this resource's own update failed, so its live state may already be the old one. */
  readonly undoesFailedUpdate: boolean;
  /** The resource's evaluated UpdatePolicy: on rollback the previous template's. */
  readonly updatePolicy: JsonObject | undefined;
  /** Calls a service as `principal`. */
  call<Output>(service: string, operation: string, input: Record<string, unknown>): Promise<Output>;
  /** `stack-LogicalId-RANDOM`, shortened to `maxLength`. */
  physicalName(maxLength: number, alphabet?: "lower" | "any"): string;
  /** Announces an id before creation is finished, so that a rollback can delete what a failure leaves behind. */
  created(physicalId: string): void;
  /** Marks a wait for virtual time: the request that began the operation is answered at once. */
  waiting<Result>(work: Promise<Result>): Promise<Result>;
}

export interface ResourceType {
  /** Properties that change in place. */
  updatable: readonly string[];
  /** Properties whose change makes a new resource and deletes the old one. */
  createOnly: readonly string[];
  /** The property that holds a custom physical name, when the type has one. */
  nameProperty?: string;
  create(properties: JsonObject, context: ProviderContext): Promise<Provisioned>;
  /** Absent when every property is create-only. Must also work when the live state is already as wanted. */
  update?(existing: ExistingResource, properties: JsonObject, context: ProviderContext): Promise<Provisioned>;
  /**
   * The live values of properties, of those that this type can read back: what drift-aware change sets compare with.
   * A property that is absent from the answer is unset. Absent where the type cannot be read.
   */
  read?: {
    properties: readonly string[];
    live(existing: ExistingResource, context: ProviderContext): Promise<JsonObject>;
  };
  /** A resource that is already gone counts as deleted. */
  delete(existing: ExistingResource, context: ProviderContext): Promise<void>;
}

export type ResourceTypes = Readonly<Record<string, ResourceType>>;

/** A provider's own refusal, in the words of AWS's resource handlers. */
export class ResourceHandlerError extends Error {
  readonly handlerErrorCode: string;

  constructor(message: string, handlerErrorCode: string) {
    super(message);
    this.name = "ResourceHandlerError";
    this.handlerErrorCode = handlerErrorCode;
  }
}

/** The work was given up because the operation was cancelled. */
export class ResourceCancelled extends Error {}
