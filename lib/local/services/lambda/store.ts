import type {
  AliasConfiguration,
  DestinationConfig,
  FunctionConfiguration,
  ProvisionedConcurrencyStatusEnum,
} from "@aws-sdk/client-lambda";
import type { World } from "../../kernel/service.ts";
import { functionNotFound, notFound } from "./errors.ts";
import { type FunctionReference, isAlias } from "./reference.ts";

/** A deployment package. Image functions have no bytes: they are never run, only modelled. */
export interface CodeRecord {
  zip: Uint8Array | undefined;
  imageUri: string | undefined;
  sha256: string;
  size: number;
}

/** `$LATEST` or a published version; a published one never changes but for its revision id. */
export interface VersionRecord {
  version: string;
  /** Everything that GetFunctionConfiguration shows, except ARN, revision and state. */
  settings: FunctionConfiguration;
  code: CodeRecord;
  revisionId: string;
  /** Changes with code or settings; loaded environments of another instance are stale. */
  instance: string;
}

export interface AliasRecord {
  name: string;
  functionVersion: string;
  description: string;
  /** Additional version and its share; at most one entry. */
  weights: Map<string, number>;
  revisionId: string;
}

export interface PolicyStatement extends Record<string, unknown> {
  Sid: string;
}

export interface EventInvokeRecord {
  maximumRetryAttempts: number | undefined;
  maximumEventAgeInSeconds: number | undefined;
  destinationConfig: DestinationConfig | undefined;
  lastModifiedMs: number;
}

export interface ProvisionedRecord {
  requested: number;
  status: ProvisionedConcurrencyStatusEnum;
  lastModifiedMs: number;
}

export interface FunctionRecord {
  name: string;
  latest: VersionRecord;
  versions: Map<string, VersionRecord>;
  /** Numbers are never reused. */
  nextVersion: number;
  aliases: Map<string, AliasRecord>;
  policies: Map<string, PolicyStatement[]>;
  tags: Map<string, string>;
  reservedConcurrency: number | undefined;
  /** By qualifier. */
  eventInvokeConfigs: Map<string, EventInvokeRecord>;
  /** By qualifier: alias or version. */
  provisioned: Map<string, ProvisionedRecord>;
}

export class FunctionStore {
  private readonly functions = new Map<string, FunctionRecord>();
  private readonly world: World;
  private readonly nextUuid: () => string;

  constructor(world: World, nextUuid: () => string) {
    this.world = world;
    this.nextUuid = nextUuid;
  }

  uuid(): string {
    return this.nextUuid();
  }

  clear(): void {
    this.functions.clear();
  }

  all(): FunctionRecord[] {
    return [...this.functions.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  find(name: string): FunctionRecord | undefined {
    return this.functions.get(name);
  }

  add(record: FunctionRecord): void {
    this.functions.set(record.name, record);
  }

  delete(name: string): void {
    this.functions.delete(name);
  }

  arn(name: string, qualifier?: string): string {
    const { region, accountId, partition } = this.world;
    return `arn:${partition}:lambda:${region}:${accountId}:function:${name}${qualifier ? `:${qualifier}` : ""}`;
  }

  /** The function, or "Function not found" with the ARN that was asked for. */
  function({ name, qualifier }: FunctionReference): FunctionRecord {
    const found = this.functions.get(name);
    if (!found) throw functionNotFound(this.arn(name, qualifier));
    return found;
  }

  version(fn: FunctionRecord, version: string): VersionRecord {
    const found = version === "$LATEST" ? fn.latest : fn.versions.get(version);
    if (!found) throw functionNotFound(this.arn(fn.name, version));
    return found;
  }

  /** What a qualifier stands for; an alias stands for its primary version. */
  resolve(reference: FunctionReference): {
    fn: FunctionRecord;
    version: VersionRecord;
    alias: AliasRecord | undefined;
  } {
    const fn = this.function(reference);
    const { qualifier = "$LATEST" } = reference;
    if (!isAlias(qualifier)) return { fn, version: this.version(fn, qualifier), alias: undefined };
    const alias = fn.aliases.get(qualifier);
    if (!alias) throw functionNotFound(this.arn(fn.name, qualifier));
    return { fn, version: this.version(fn, alias.functionVersion), alias };
  }

  alias(fn: FunctionRecord, name: string | undefined): AliasRecord {
    const alias = fn.aliases.get(name ?? "");
    if (!alias) throw notFound(`Cannot find alias arn: ${this.arn(fn.name, name)}`);
    return alias;
  }

  describeAlias(fn: FunctionRecord, alias: AliasRecord): AliasConfiguration {
    return {
      AliasArn: this.arn(fn.name, alias.name),
      Name: alias.name,
      FunctionVersion: alias.functionVersion,
      Description: alias.description,
      // Absent, not empty, when there are no weights.
      ...(alias.weights.size > 0 && { RoutingConfig: { AdditionalVersionWeights: Object.fromEntries(alias.weights) } }),
      RevisionId: alias.revisionId,
    };
  }
}

const PAGE_SIZE = 50;

/** Pages of at most 50 whatever `maxItems` asks for (API reference, ListVersionsByFunction). */
export function page<T>(items: readonly T[], marker: string | undefined, maxItems: number | undefined) {
  const start = marker === undefined || marker === "" ? 0 : Number(Buffer.from(marker, "base64url").toString());
  const end = start + Math.min(maxItems ?? PAGE_SIZE, PAGE_SIZE);
  return {
    items: items.slice(start, end),
    ...(end < items.length && { nextMarker: Buffer.from(String(end)).toString("base64url") }),
  };
}
