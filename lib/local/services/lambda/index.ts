import type { InvokeCommandInput } from "@aws-sdk/client-lambda";
import { AwsError } from "../../kernel/errors.ts";
import type { LocalService, RequestContext, World } from "../../kernel/service.ts";
import type { SabotageKind } from "../../runtime/protocol.ts";
import { aliasOperations } from "./aliases.ts";
import { AsyncEvents } from "./async-events.ts";
import { concurrencyOperations } from "./concurrency.ts";
import { check } from "./constraints.ts";
import { Destinations } from "./destinations.ts";
import { eventInvokeOperations } from "./event-invoke-configs.ts";
import { functionOperations } from "./functions.ts";
import { Invoker } from "./invoker.ts";
import { LambdaMetrics } from "./metrics.ts";
import type { FunctionModel } from "./model.ts";
import { ModelledPool } from "./modelled-pool.ts";
import { permissionOperations } from "./permissions.ts";
import { ProvisionedConcurrency } from "./provisioned.ts";
import { parseReference } from "./reference.ts";
import type { SabotageOptions } from "./sabotages.ts";
import { type FunctionRecord, FunctionStore, type VersionRecord } from "./store.ts";
import { Traffic, type TrafficRequest, type TrafficResult } from "./traffic.ts";

export type { SabotageKind } from "../../runtime/protocol.ts";
export type { FunctionModel } from "./model.ts";
export type { SabotageOptions } from "./sabotages.ts";
export type { TrafficRequest, TrafficResult, VersionTraffic } from "./traffic.ts";

/** Largest events, bytes (API reference, Invoke, 2026). */
const MAX_SYNC_BYTES = 6_291_456;
const MAX_ASYNC_BYTES = 1_048_576;

export interface LambdaOptions {
  /** Virtual milliseconds from the end of a minute until its metrics can be read. Default 60,000. [unverified] */
  metricsLagMs?: number;
  /** Requests of modelled traffic, per version, that also run through the real handler. Default 20. */
  realInvocationsPerVersion?: number;
}

export interface AliasState {
  functionVersion: string;
  /** Additional version → share, 0 to 1; empty without routing. */
  weights: Record<string, number>;
  revisionId: string;
}

export interface LambdaService extends LocalService {
  /** Decides how a function behaves; undefined gives it back to its code. Survives updates of the function. */
  setModel(functionName: string, model: FunctionModel | undefined): void;
  /** Sends modelled requests and publishes their metrics. Throws when the function or its model is missing. */
  sendTraffic(request: TrafficRequest): TrafficResult;
  /** Breaks the real invocations of a function from now on; undefined mends it. */
  sabotage(functionName: string, kind: SabotageKind | undefined, options?: SabotageOptions): void;
  getAliasState(functionName: string, alias: string): AliasState | undefined;
}

/** Lambda: functions, versions, aliases and their invocation. */
export function createLambda(world: World, options: LambdaOptions = {}): LambdaService {
  const ids = world.random.fork("lambda/ids");
  const routing = world.random.fork("lambda/routing");
  const store = new FunctionStore(world, () => ids.uuid());
  const metrics = new LambdaMetrics(world, options.metricsLagMs ?? 60_000);
  const pool = new ModelledPool();
  const invoker = new Invoker(world, store, metrics, (name, atMs) => pool.busy(name, atMs));
  const destinations = new Destinations(world, store, metrics);
  const provisioned = new ProvisionedConcurrency(world, store);

  /** A weighted alias draws for every invocation anew (Lambda guide, 2022: simple probabilistic, no stickiness). */
  const pickVersion = (fn: FunctionRecord, qualifier: string | undefined): VersionRecord => {
    const { version, alias } = store.resolve({ name: fn.name, qualifier });
    const [additional] = alias?.weights ?? [];
    return additional && routing.chance(additional[1]) ? store.version(fn, additional[0]) : version;
  };
  const asyncEvents = new AsyncEvents(world, store, invoker, destinations, pickVersion);
  const traffic = new Traffic({
    world,
    store,
    invoker,
    metrics,
    pool,
    realPerVersion: options.realInvocationsPerVersion ?? 20,
    pickVersion,
  });

  const invoke = async (input: InvokeCommandInput, context: RequestContext) => {
    const { name, qualifier } = parseReference(world, input.FunctionName, input.Qualifier, "Invoke");
    check({ invocationType: input.InvocationType, logType: input.LogType });
    const { fn, version: primary } = store.resolve({ name, qualifier });
    const type = input.InvocationType ?? "RequestResponse";
    const payload = readPayload(input.Payload as Uint8Array | string | undefined, type === "Event");
    if (type === "DryRun") return { StatusCode: 204 };
    invoker.assertInvocable(fn, primary);
    const request = { qualifier, requestId: context.requestId, payload, principal: context.principal.arn };
    if (type === "Event") {
      asyncEvents.accept({ ...request, functionName: name });
      return { StatusCode: 202 };
    }
    const version = pickVersion(fn, qualifier);
    const result = await invoker.invoke({
      ...request,
      fn,
      version,
      type: "RequestResponse",
      clientContext: input.ClientContext && Buffer.from(input.ClientContext, "base64").toString(),
    });
    return {
      StatusCode: 200,
      ExecutedVersion: result.executedVersion,
      Payload: Buffer.from(result.payload),
      ...(result.error && { FunctionError: "Unhandled" }),
      ...(input.LogType === "Tail" && { LogResult: result.logTail }),
    };
  };

  return {
    name: "lambda",
    operations: {
      ...functionOperations(world, store, (functionName, version) => {
        invoker.retire(functionName, version);
        pool.forget(functionName, version);
      }),
      ...aliasOperations(world, store, provisioned),
      ...concurrencyOperations(world, store),
      ...eventInvokeOperations(world, store),
      ...permissionOperations(world, store),
      ...provisioned.operations,
      Invoke: invoke,
    },
    setModel(functionName, model) {
      if (model) invoker.models.set(functionName, model);
      else invoker.models.delete(functionName);
    },
    sendTraffic: (request) => traffic.send(request),
    sabotage: (functionName, kind, sabotageOptions) => invoker.sabotages.set(functionName, kind, sabotageOptions),
    getAliasState(functionName, name) {
      const alias = store.find(functionName)?.aliases.get(name);
      return (
        alias && {
          functionVersion: alias.functionVersion,
          weights: Object.fromEntries(alias.weights),
          revisionId: alias.revisionId,
        }
      );
    },
    reset() {
      invoker.reset();
      traffic.reset();
      pool.clear();
      store.clear();
    },
    async close() {
      invoker.close();
    },
  };
}

/** The event as JSON text; none is an empty object. */
function readPayload(payload: Uint8Array | string | undefined, asynchronous: boolean): string {
  const text = payload === undefined ? "" : Buffer.from(payload as Uint8Array).toString("utf8");
  const limit = asynchronous ? MAX_ASYNC_BYTES : MAX_SYNC_BYTES;
  const size = Buffer.byteLength(text);
  if (size > limit) {
    throw new AwsError(
      "RequestTooLargeException",
      asynchronous
        ? `${size} byte payload is too large for the Event invocation type (limit ${limit} bytes)`
        : `Request must be smaller than ${limit} bytes for the InvokeFunction operation`,
      { status: 413 },
    );
  }
  if (text.trim() === "") return "{}";
  try {
    JSON.parse(text);
  } catch (error) {
    throw new AwsError(
      "InvalidRequestContentException",
      `Could not parse request body into json: Could not parse payload into json: ${(error as Error).message}`,
    );
  }
  return text;
}
