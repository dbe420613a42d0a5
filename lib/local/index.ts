import { createBootstrap } from "./bootstrap.ts";
import { VirtualClock } from "./kernel/clock.ts";
import type { LocalService } from "./kernel/service.ts";
import { LocalWorld } from "./kernel/world.ts";
import { createAppConfig } from "./services/appconfig/index.ts";
import { createCloudFormation } from "./services/cloudformation/index.ts";
import { createCloudWatch } from "./services/cloudwatch/service.ts";
import { createCodeDeploy } from "./services/codedeploy/index.ts";
import { createDynamoDb } from "./services/dynamodb/index.ts";
import { createEventBridge } from "./services/eventbridge/service.ts";
import { createIam } from "./services/iam/index.ts";
import { createKms } from "./services/kms/index.ts";
import { createLambda } from "./services/lambda/index.ts";
import { createLogs } from "./services/logs/index.ts";
import { createS3 } from "./services/s3/index.ts";
import { createSecretsManager } from "./services/secretsmanager/index.ts";
import { createSns } from "./services/sns/service.ts";
import { createSqs } from "./services/sqs/service.ts";
import { createSsm } from "./services/ssm/index.ts";
import { createStepFunctions } from "./services/stepfunctions/index.ts";
import { createSts } from "./services/sts/index.ts";
import type { ControlActions, WorldState } from "./transport/control.ts";
import { startServer } from "./transport/server.ts";

export interface LocalAwsOptions {
  /** TCP port on 127.0.0.1. Default 0: any free one. */
  port?: number;
  /** Default 1. The same seed gives the same world. */
  seed?: string | number;
  /** Default `us-east-1`. */
  region?: string;
  /** Default `111122223333`. */
  accountId?: string;
  /** Virtual time at the start, epoch milliseconds. Default: now. */
  startMs?: number;
  /** When Lambda's metrics become readable, milliseconds after their minute. Default 60,000. */
  metricsLagMs?: number;
  /** How long log events take to the Lambdas that subscribe to them, milliseconds. Default 5,000. */
  logsLagMs?: number;
  /** How many invocations of a modelled function version run its real handler. Default 20. */
  realInvocationsPerVersion?: number;
  /** How long CodeDeploy goes on after StopDeployment, milliseconds. Default 10,000. */
  codeDeployStopLagMs?: number;
  /** Whether rollback deployments run the lifecycle hooks. Default false. */
  hooksOnRollbackDeployments?: boolean;
  /** Whether drift-aware change sets can read aliases. Default true. */
  driftAwareAliases?: boolean;
}

export interface LocalAwsCore {
  world: LocalWorld;
  clock: VirtualClock;
  services: ReturnType<typeof createServices>;
  /** Empties every service and plants the CDK bootstrap again; the clock keeps its time. */
  reset(): Promise<void>;
  state(): WorldState;
  close(): Promise<void>;
}

export interface LocalAws extends LocalAwsCore {
  /** `http://127.0.0.1:PORT`. */
  endpoint: string;
  /** What AWS clients need in their environment to reach this world. */
  environment: Record<string, string>;
}

/** A world without HTTP: call it through `world.call`. */
export function createWorld(options: LocalAwsOptions = {}): LocalAwsCore {
  const clock = new VirtualClock(options.startMs);
  const { accountId, region, seed } = options;
  const world = new LocalWorld({ clock, accountId, region, seed });
  const services = createServices(world, options);
  const all: LocalService[] = Object.values(services);
  for (const service of all) world.register(service);
  world.register(createBootstrap(world, services));
  return {
    world,
    clock,
    services,
    reset: () => world.reset(),
    state: () => ({
      now: new Date(clock.now()).toISOString(),
      seed: world.seed,
      region: world.region,
      accountId: world.accountId,
      services: all.map(({ name }) => name).sort(),
      faults: world.faults.active(),
    }),
    close: async () => {
      for (const service of all) await service.close?.();
    },
  };
}

function createServices(world: LocalWorld, options: LocalAwsOptions) {
  const iam = createIam(world);
  const { metricsLagMs, realInvocationsPerVersion } = options;
  return {
    ...createAppConfig(world),
    cloudformation: createCloudFormation(world, given({ readsLiveState: options.driftAwareAliases })),
    cloudwatch: createCloudWatch(world),
    codedeploy: createCodeDeploy(
      world,
      given({
        stopLagMs: options.codeDeployStopLagMs,
        hooksOnRollbackDeployments: options.hooksOnRollbackDeployments,
      }),
    ),
    dynamodb: createDynamoDb(world),
    eventbridge: createEventBridge(world),
    iam,
    kms: createKms(world),
    lambda: createLambda(world, given({ metricsLagMs, realInvocationsPerVersion })),
    logs: createLogs(world, given({ subscriptionDelayMs: options.logsLagMs })),
    s3: createS3(world),
    "secrets-manager": createSecretsManager(world),
    sfn: createStepFunctions(world),
    sns: createSns(world),
    sqs: createSqs(world),
    ssm: createSsm(world),
    sts: createSts(world, iam),
  };
}

/** Leaves out what was not given, so that it does not hide a service's own default. */
function given<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** A world behind a server on 127.0.0.1. Rejects with EADDRINUSE when the port is taken. */
export async function startLocalAws(options: LocalAwsOptions = {}): Promise<LocalAws> {
  const core = createWorld(options);
  const control: ControlActions = {
    reset: core.reset,
    state: core.state,
    advance: (seconds) => core.clock.advanceBy(seconds * 1000),
    inject: (rule) => {
      core.world.faults.inject(rule);
    },
    clearFaults: () => core.world.faults.clear(),
  };
  const server = await startServer(core.world, options.port ?? 0, control);
  return {
    ...core,
    endpoint: server.endpoint,
    environment: {
      AWS_ENDPOINT_URL: server.endpoint,
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
      AWS_REGION: core.world.region,
      AWS_DEFAULT_REGION: core.world.region,
      AWS_EC2_METADATA_DISABLED: "true",
    },
    close: async () => {
      await server.close();
      await core.close();
    },
  };
}
