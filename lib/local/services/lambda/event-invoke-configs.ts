import type {
  DeleteFunctionEventInvokeConfigCommandInput,
  DestinationConfig,
  FunctionEventInvokeConfig,
  GetFunctionEventInvokeConfigCommandInput,
  ListFunctionEventInvokeConfigsCommandInput,
  PutFunctionEventInvokeConfigCommandInput,
  UpdateFunctionEventInvokeConfigCommandInput,
} from "@aws-sdk/client-lambda";
import type { OperationHandler, World } from "../../kernel/service.ts";
import { invalidParameter, notFound, validation } from "./errors.ts";
import { isAlias, parseReference } from "./reference.ts";
import { type EventInvokeRecord, type FunctionRecord, type FunctionStore, page } from "./store.ts";

const DESTINATION_SERVICES = ["lambda", "sqs", "sns", "events", "s3"];

/** How asynchronous invocations are retried and where their results go, per function, version or alias. */
export function eventInvokeOperations(world: World, store: FunctionStore): Record<string, OperationHandler> {
  const target = (input: { FunctionName?: string; Qualifier?: string }) => {
    const { name, qualifier = "$LATEST" } = parseReference(world, input.FunctionName, input.Qualifier);
    return { name, qualifier, fn: store.find(name) };
  };

  /** Writing needs the function and what the qualifier names. */
  const existing = (input: { FunctionName?: string; Qualifier?: string }) => {
    const { fn, qualifier } = target(input);
    const known = fn && (qualifier === "$LATEST" || (isAlias(qualifier) ? fn.aliases : fn.versions).has(qualifier));
    if (!fn || !known) throw notFound("The function doesn't exist.");
    return { fn, qualifier };
  };

  const record = (input: { FunctionName?: string; Qualifier?: string }) => {
    const { name, qualifier, fn } = target(input);
    const found = fn?.eventInvokeConfigs.get(qualifier);
    if (!fn || !found) {
      throw notFound(`The function ${store.arn(name, qualifier)} doesn't have an EventInvokeConfig`);
    }
    return { fn, qualifier, found };
  };

  const describe = (fn: FunctionRecord, qualifier: string, config: EventInvokeRecord): FunctionEventInvokeConfig => ({
    FunctionArn: store.arn(fn.name, qualifier),
    LastModified: new Date(config.lastModifiedMs),
    ...(config.maximumRetryAttempts !== undefined && { MaximumRetryAttempts: config.maximumRetryAttempts }),
    ...(config.maximumEventAgeInSeconds !== undefined && { MaximumEventAgeInSeconds: config.maximumEventAgeInSeconds }),
    DestinationConfig: {
      OnSuccess: config.destinationConfig?.OnSuccess ?? {},
      OnFailure: config.destinationConfig?.OnFailure ?? {},
    },
  });

  const check = (fn: FunctionRecord, input: PutFunctionEventInvokeConfigCommandInput) => {
    const { MaximumRetryAttempts: retries, MaximumEventAgeInSeconds: age, DestinationConfig: destinations } = input;
    if (retries === undefined && age === undefined && destinations === undefined) {
      throw invalidParameter("You must specify at least one of error handling or destination setting.");
    }
    range("maximumRetryAttempts", retries, 0, 2);
    range("maximumEventAgeInSeconds", age, 60, 21_600);
    for (const arn of [destinations?.OnSuccess?.Destination, destinations?.OnFailure?.Destination]) {
      if (arn) checkDestination(fn, arn, destinations);
    }
  };

  const checkDestination = (fn: FunctionRecord, arn: string, config: DestinationConfig | undefined) => {
    const [prefix, , service = "", , , kind, name = ""] = arn.split(":");
    if (prefix !== "arn" || !DESTINATION_SERVICES.includes(service)) {
      const shown = (side: "OnSuccess" | "OnFailure") => {
        const destination = config?.[side]?.Destination;
        return destination ? `${side}(destination=${destination})` : "null";
      };
      throw invalidParameter(
        `The provided destination config DestinationConfig(onSuccess=${shown("OnSuccess")}, onFailure=${shown("OnFailure")}) is invalid.`,
      );
    }
    if (service !== "lambda" || kind !== "function") return;
    if (name === fn.name) throw invalidParameter("You can't specify the function as a destination for itself.");
    if (!store.find(name)) throw invalidParameter(`The destination ARN ${arn} is invalid.`);
  };

  return {
    PutFunctionEventInvokeConfig(input: PutFunctionEventInvokeConfigCommandInput) {
      const { fn, qualifier } = existing(input);
      check(fn, input);
      const config: EventInvokeRecord = {
        maximumRetryAttempts: input.MaximumRetryAttempts,
        maximumEventAgeInSeconds: input.MaximumEventAgeInSeconds,
        destinationConfig: input.DestinationConfig,
        lastModifiedMs: world.clock.now(),
      };
      fn.eventInvokeConfigs.set(qualifier, config);
      return describe(fn, qualifier, config);
    },

    UpdateFunctionEventInvokeConfig(input: UpdateFunctionEventInvokeConfigCommandInput) {
      existing(input);
      const { fn, qualifier, found } = record(input);
      check(fn, input);
      found.maximumRetryAttempts = input.MaximumRetryAttempts ?? found.maximumRetryAttempts;
      found.maximumEventAgeInSeconds = input.MaximumEventAgeInSeconds ?? found.maximumEventAgeInSeconds;
      found.destinationConfig = input.DestinationConfig ?? found.destinationConfig;
      found.lastModifiedMs = world.clock.now();
      return describe(fn, qualifier, found);
    },

    GetFunctionEventInvokeConfig(input: GetFunctionEventInvokeConfigCommandInput) {
      const { fn, qualifier, found } = record(input);
      return describe(fn, qualifier, found);
    },

    DeleteFunctionEventInvokeConfig(input: DeleteFunctionEventInvokeConfigCommandInput) {
      const { fn, qualifier } = record(input);
      fn.eventInvokeConfigs.delete(qualifier);
      return {};
    },

    ListFunctionEventInvokeConfigs(input: ListFunctionEventInvokeConfigsCommandInput) {
      const { fn } = existing({ FunctionName: input.FunctionName });
      const { items, nextMarker } = page([...fn.eventInvokeConfigs], input.Marker, input.MaxItems);
      return {
        FunctionEventInvokeConfigs: items.map(([qualifier, config]) => describe(fn, qualifier, config)),
        NextMarker: nextMarker,
      };
    },
  };
}

function range(name: string, value: number | undefined, least: number, most: number): void {
  if (value === undefined || (value >= least && value <= most)) return;
  const bound = value < least ? `greater than or equal to ${least}` : `less than or equal to ${most}`;
  throw validation(`Value '${value}' at '${name}' failed to satisfy constraint: Member must have value ${bound}`);
}
