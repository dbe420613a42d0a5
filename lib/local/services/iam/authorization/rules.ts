import { AwsError } from "../../../kernel/errors.ts";
import type { RequestContext, World } from "../../../kernel/service.ts";

// biome-ignore lint/suspicious/noExplicitAny: rules read members of the inputs of many operations
export type Input = Readonly<Record<string, any>>;

/** One right that a request needs. */
export interface Need {
  /** `lambda:UpdateAlias` */
  action: string;
  /** `*` where IAM knows no resource for the action; undefined when what is named does not exist. */
  resource: string | undefined;
  /** Condition keys of this action, by their names in lower case. */
  keys?: Readonly<Record<string, string | readonly string[]>>;
}

/** A role that a request hands to a service: the caller may need iam:PassRole, and the service must be able to take it. */
export interface PassedRole {
  roleArn: string;
  service: string;
  /** The resource that the service will take the role for, where it tells. */
  sourceArn?: string;
  /** AWS's answer when the role does not exist or does not trust the service. */
  refusal: AwsError;
}

/** What an operation needs. None: everybody may call it. */
export interface Rule {
  needs(input: Input, place: Place): readonly Need[];
  passes?(input: Input, place: Place): readonly PassedRole[];
}

export type Rules = Readonly<Record<string, Rule>>;

type Resources = string | undefined | readonly (string | undefined)[];
export type ResourceOf = (input: Input, place: Place) => Resources;

/** What rules may know of the world: where it is, and what its services answer. */
export class Place {
  readonly world: World;
  private readonly context: RequestContext;

  constructor(world: World) {
    this.world = world;
    this.context = { principal: world.servicePrincipal("iam.amazonaws.com"), requestId: "iam", userAgent: "" };
  }

  arn(service: string, rest: string): string {
    return `arn:${this.world.partition}:${service}:${this.world.region}:${this.world.accountId}:${rest}`;
  }

  /** What a service answers, without rights, faults or trace; undefined when it refuses. */
  read<Output>(service: string, operation: string, input: Input): Output | undefined {
    try {
      return this.world.service(service)?.operations[operation]?.(input, this.context) as Output | undefined;
    } catch (error) {
      if (error instanceof AwsError) return undefined;
      throw error;
    }
  }
}

/** Rules of a service whose actions are called like its operations, unless an entry says otherwise. */
export function rulesOf(
  prefix: string,
  entries: Readonly<Record<string, ResourceOf | { action?: string; on: ResourceOf } | Rule>>,
): Rules {
  return Object.fromEntries(
    Object.entries(entries).map(([operation, entry]) => {
      if (typeof entry === "object" && "needs" in entry) return [operation, entry];
      const { action = operation, on } = typeof entry === "function" ? { on: entry } : entry;
      return [operation, { needs: (input, place) => needs(`${prefix}:${action}`, on(input, place)) } satisfies Rule];
    }),
  );
}

export function needs(action: string, resources: Resources, keys?: Need["keys"]): Need[] {
  const list = typeof resources === "string" || resources === undefined ? [resources] : resources;
  return list.map((resource) => ({ action, resource, ...(keys && { keys }) }));
}

/** For actions that IAM knows no resource for. */
export const anything: ResourceOf = () => "*";

/** The resource that an ARN member of the input names. */
export const named =
  (member: string): ResourceOf =>
  (input) =>
    typeof input[member] === "string" && input[member].startsWith("arn:") ? input[member] : undefined;
