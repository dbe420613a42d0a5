import type {
  DeleteProvisionedConcurrencyConfigCommandInput,
  GetProvisionedConcurrencyConfigCommandInput,
  ListProvisionedConcurrencyConfigsCommandInput,
  PutProvisionedConcurrencyConfigCommandInput,
} from "@aws-sdk/client-lambda";
import { AwsError } from "../../kernel/errors.ts";
import type { OperationHandler, World } from "../../kernel/service.ts";
import { invalidParameter, validation } from "./errors.ts";
import { isAlias, parseReference } from "./reference.ts";
import { type AliasRecord, type FunctionRecord, type FunctionStore, type ProvisionedRecord, page } from "./store.ts";

/** Virtual milliseconds until provisioned environments are ready. [inferred: "a minute or two" in field reports] */
const PROVISIONING_MS = 60_000;

/** Provisioned concurrency: its configurations, and the weights that Lambda sets itself while an alias moves. */
export class ProvisionedConcurrency {
  readonly operations: Record<string, OperationHandler>;
  private readonly world: World;
  private readonly store: FunctionStore;

  constructor(world: World, store: FunctionStore) {
    this.world = world;
    this.store = store;
    this.operations = {
      PutProvisionedConcurrencyConfig: (input: PutProvisionedConcurrencyConfigCommandInput) => {
        const requested = input.ProvisionedConcurrentExecutions ?? 0;
        if (requested < 1) {
          throw validation(
            `Value '${requested}' at 'provisionedConcurrentExecutions' failed to satisfy constraint: Member must have value greater than or equal to 1`,
          );
        }
        const { fn, qualifier } = this.target(input);
        if ((fn.aliases.get(qualifier)?.weights.size ?? 0) > 0) {
          throw invalidParameter("Alias with weights can not be used with Provisioned Concurrency");
        }
        const record: ProvisionedRecord = { requested, status: "IN_PROGRESS", lastModifiedMs: world.clock.now() };
        fn.provisioned.set(qualifier, record);
        this.provision(fn, qualifier, record);
        return this.describe(record);
      },
      GetProvisionedConcurrencyConfig: (input: GetProvisionedConcurrencyConfigCommandInput) => {
        const { fn, qualifier } = this.target(input);
        const record = fn.provisioned.get(qualifier);
        if (!record) {
          throw new AwsError(
            "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found for this function",
            { status: 404 },
          );
        }
        return this.describe(record);
      },
      DeleteProvisionedConcurrencyConfig: (input: DeleteProvisionedConcurrencyConfigCommandInput) => {
        const { fn, qualifier } = this.target(input);
        fn.provisioned.delete(qualifier);
        return {};
      },
      ListProvisionedConcurrencyConfigs: (input: ListProvisionedConcurrencyConfigsCommandInput) => {
        const fn = store.function(parseReference(world, input.FunctionName));
        const { items, nextMarker } = page([...fn.provisioned], input.Marker, input.MaxItems);
        return {
          ProvisionedConcurrencyConfigs: items.map(([qualifier, record]) => ({
            FunctionArn: store.arn(fn.name, qualifier),
            ...this.describe(record),
          })),
          NextMarker: nextMarker,
        };
      },
    };
  }

  /**
   * When an alias with provisioned concurrency gets a new version, Lambda keeps all traffic on the old one, with a
   * weight of 1.0, until the new environments are ready (public reports on infrastructure tools, 2024 to 2025).
   */
  aliasMoved(fn: FunctionRecord, alias: AliasRecord, previousVersion: string, onReady: () => void): void {
    const record = fn.provisioned.get(alias.name);
    if (!record || alias.weights.size > 0) return;
    record.status = "IN_PROGRESS";
    record.lastModifiedMs = this.world.clock.now();
    const movedTo = alias.functionVersion;
    alias.weights = new Map([[previousVersion, 1]]);
    this.provision(fn, alias.name, record, () => {
      if (alias.functionVersion !== movedTo || alias.weights.get(previousVersion) !== 1) return;
      alias.weights = new Map();
      alias.revisionId = this.store.uuid();
      onReady();
    });
  }

  private provision(fn: FunctionRecord, qualifier: string, record: ProvisionedRecord, then?: () => void): void {
    const startedMs = record.lastModifiedMs;
    this.world.clock.at(startedMs + PROVISIONING_MS, () => {
      if (fn.provisioned.get(qualifier) !== record || record.lastModifiedMs !== startedMs) return;
      record.status = "READY";
      then?.();
    });
  }

  private target(input: { FunctionName?: string; Qualifier?: string }): { fn: FunctionRecord; qualifier: string } {
    if (input.Qualifier === "$LATEST") {
      throw invalidParameter("Provisioned Concurrency Configs cannot be applied to unpublished function versions.");
    }
    const { name, qualifier } = parseReference(this.world, input.FunctionName, input.Qualifier);
    if (qualifier === undefined) {
      throw invalidParameter("The function resource provided must be an alias or a published version.");
    }
    const fn = this.store.function({ name, qualifier });
    if (isAlias(qualifier)) this.store.alias(fn, qualifier);
    else this.store.version(fn, qualifier);
    return { fn, qualifier };
  }

  private describe(record: ProvisionedRecord) {
    const ready = record.status === "READY" ? record.requested : 0;
    return {
      RequestedProvisionedConcurrentExecutions: record.requested,
      AllocatedProvisionedConcurrentExecutions: ready,
      AvailableProvisionedConcurrentExecutions: ready,
      Status: record.status,
      LastModified: new Date(record.lastModifiedMs).toISOString().replace("Z", "+0000"),
    };
  }
}
