import type {
  AliasRoutingConfiguration,
  CreateAliasCommandInput,
  DeleteAliasCommandInput,
  GetAliasCommandInput,
  ListAliasesCommandInput,
  UpdateAliasCommandInput,
} from "@aws-sdk/client-lambda";
import { AwsError } from "../../kernel/errors.ts";
import type { OperationHandler, RequestContext, World } from "../../kernel/service.ts";
import { check } from "./constraints.ts";
import { conflict, functionNotFound, invalidParameter, notFound, staleRevision, validation } from "./errors.ts";
import type { ProvisionedConcurrency } from "./provisioned.ts";
import { isVersion, parseReference } from "./reference.ts";
import { type AliasRecord, type FunctionRecord, type FunctionStore, page } from "./store.ts";

/** Aliases with weights (Lambda guide, "Configure a weighted alias", 2022; messages as recorded). */
export function aliasOperations(
  world: World,
  store: FunctionStore,
  provisioned: ProvisionedConcurrency,
): Record<string, OperationHandler> {
  const announce = (fn: FunctionRecord, alias: AliasRecord, context: RequestContext) =>
    world.announce("alias-updated", {
      functionName: fn.name,
      alias: alias.name,
      functionVersion: alias.functionVersion,
      weights: Object.fromEntries(alias.weights),
      principal: context.principal.arn,
    });

  return {
    CreateAlias(input: CreateAliasCommandInput, context: RequestContext) {
      const { name: functionName } = parseReference(world, input.FunctionName);
      const name = input.Name ?? "";
      check({ name, functionVersion: input.FunctionVersion, description: input.Description });
      const weights = readWeights(input.RoutingConfig);
      const functionVersion = input.FunctionVersion ?? "";
      const fn = store.find(functionName);
      if (!fn) throw functionNotFound(store.arn(functionName, functionVersion));
      checkRouting(store, fn, functionVersion, weights);
      if (fn.aliases.has(name)) throw conflict(`Alias already exists: ${store.arn(fn.name, name)}`);
      const alias = { name, functionVersion, description: input.Description ?? "", weights, revisionId: store.uuid() };
      fn.aliases.set(name, alias);
      announce(fn, alias, context);
      return store.describeAlias(fn, alias);
    },

    GetAlias(input: GetAliasCommandInput) {
      const fn = store.function(parseReference(world, input.FunctionName));
      return store.describeAlias(fn, store.alias(fn, input.Name));
    },

    UpdateAlias(input: UpdateAliasCommandInput, context: RequestContext) {
      check({ functionVersion: input.FunctionVersion, description: input.Description });
      const fn = store.function(parseReference(world, input.FunctionName));
      const alias = fn.aliases.get(input.Name ?? "");
      if (!alias) throw notFound(`Alias not found: ${store.arn(fn.name, input.Name)}`);
      if (input.RevisionId !== undefined && input.RevisionId !== alias.revisionId) throw staleRevision();
      const functionVersion = input.FunctionVersion ?? alias.functionVersion;
      // Omitted means unchanged; given and empty means none.
      const weights = input.RoutingConfig === undefined ? alias.weights : readWeights(input.RoutingConfig);
      checkRouting(store, fn, functionVersion, weights);
      const previousVersion = alias.functionVersion;
      alias.functionVersion = functionVersion;
      alias.weights = weights;
      alias.description = input.Description ?? alias.description;
      alias.revisionId = store.uuid();
      if (functionVersion !== previousVersion) {
        provisioned.aliasMoved(fn, alias, previousVersion, () => announce(fn, alias, context));
      }
      announce(fn, alias, context);
      return store.describeAlias(fn, alias);
    },

    DeleteAlias(input: DeleteAliasCommandInput) {
      const fn = store.function(parseReference(world, input.FunctionName));
      const name = input.Name ?? "";
      fn.aliases.delete(name);
      for (const scoped of [fn.policies, fn.eventInvokeConfigs, fn.provisioned]) scoped.delete(name);
      return {};
    },

    ListAliases(input: ListAliasesCommandInput) {
      check({ functionVersion: input.FunctionVersion, maxItems: input.MaxItems });
      const fn = store.function(parseReference(world, input.FunctionName));
      const aliases = [...fn.aliases.values()]
        .filter((alias) => input.FunctionVersion === undefined || alias.functionVersion === input.FunctionVersion)
        .sort((a, b) => (a.name < b.name ? -1 : 1));
      const { items, nextMarker } = page(aliases, input.Marker, input.MaxItems);
      return { Aliases: items.map((alias) => store.describeAlias(fn, alias)), NextMarker: nextMarker };
    },
  };
}

function readWeights(routing: AliasRoutingConfiguration | undefined): Map<string, number> {
  const entries = Object.entries(routing?.AdditionalVersionWeights ?? {});
  const shown = `{${entries.map(([version, weight]) => `${version}=${javaDouble(weight)}`).join(", ")}}`;
  const refuse = (constraint: string) =>
    validation(
      `Value '${shown}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: ${constraint}`,
    );
  if (entries.some(([version]) => !isVersion(version))) {
    throw refuse(
      "Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+, Member must not be null]",
    );
  }
  if (entries.some(([, weight]) => !(weight >= 0 && weight <= 1))) {
    throw refuse(
      "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]",
    );
  }
  return new Map(entries);
}

/** The service prints doubles as Java does: 2 as `2.0`. */
const javaDouble = (value: number) => (Number.isInteger(value) ? `${value}.0` : String(value));

function checkRouting(store: FunctionStore, fn: FunctionRecord, primary: string, weights: Map<string, number>): void {
  if (weights.size > 1) {
    throw invalidParameter("Number of items in AdditionalVersionWeights cannot be greater than 1");
  }
  if (weights.has(primary)) {
    throw invalidParameter(
      `Invalid function version ${primary}. Function version ${primary} is already included in routing configuration.`,
    );
  }
  const [additional] = weights.keys();
  if (additional !== undefined && primary === "$LATEST") {
    throw new AwsError(
      "InvalidParameterValueException",
      "$LATEST is not supported for an alias pointing to more than 1 version",
      // The one refusal that was recorded without `Type`.
      { members: { Type: null } },
    );
  }
  const main = store.version(fn, primary);
  if (additional === undefined) return;
  const other = store.version(fn, additional);
  if (main.settings.Role !== other.settings.Role) {
    throw invalidParameter("Specified versions must be associated with the same execution role");
  }
  if (main.settings.DeadLetterConfig?.TargetArn !== other.settings.DeadLetterConfig?.TargetArn) {
    throw invalidParameter("Specified versions must have the same dead letter queue configuration");
  }
}
