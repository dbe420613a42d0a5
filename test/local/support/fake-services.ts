import { AwsError } from "../../../lib/local/kernel/errors.ts";
import type { LocalService, Principal, ServiceEvent } from "../../../lib/local/kernel/service.ts";
import type { LocalWorld } from "../../../lib/local/kernel/world.ts";

export interface FakeAlias {
  FunctionVersion: string;
  weights: Record<string, number>;
}

export interface Invocation {
  functionName: string;
  type: string;
  payload: Record<string, string>;
  principal: Principal;
}

/**
 * As much of Lambda as CodeDeploy and AppConfig call: aliases of any function, and invocations that tests answer.
 * Aliases exist once `setAlias` was called; everything else is ResourceNotFoundException.
 */
export class FakeLambda implements LocalService {
  readonly name = "lambda";
  readonly aliases = new Map<string, FakeAlias>();
  readonly updates: { version: string; weights: Record<string, number>; atMs: number; principal: string }[] = [];
  readonly invocations: Invocation[] = [];
  provisioned: string | undefined;
  /** What an invocation does; its result is the reply. */
  onInvoke: (invocation: Invocation) => { FunctionError?: string } | undefined = () => undefined;
  readonly operations: LocalService["operations"];

  constructor(world: LocalWorld) {
    const find = (input: { FunctionName: string; Name: string }) => {
      const alias = this.aliases.get(`${input.FunctionName}:${input.Name}`);
      if (!alias) throw new AwsError("ResourceNotFoundException", "Cannot find alias", { status: 404 });
      return alias;
    };
    this.operations = {
      GetAlias: (input) => view(find(input)),
      UpdateAlias: (input, { principal }) => {
        const alias = find(input);
        alias.FunctionVersion = input.FunctionVersion ?? alias.FunctionVersion;
        alias.weights = input.RoutingConfig?.AdditionalVersionWeights ?? alias.weights;
        this.updates.push({
          version: alias.FunctionVersion,
          weights: alias.weights,
          atMs: world.clock.now(),
          principal: principal.arn,
        });
        return view(alias);
      },
      GetProvisionedConcurrencyConfig: () => {
        if (!this.provisioned) {
          throw new AwsError("ProvisionedConcurrencyConfigNotFoundException", "No config found", { status: 404 });
        }
        return { Status: this.provisioned };
      },
      Invoke: (input, { principal }) => {
        const invocation = {
          functionName: input.FunctionName,
          type: input.InvocationType ?? "RequestResponse",
          payload: JSON.parse(new TextDecoder().decode(input.Payload)),
          principal,
        };
        this.invocations.push(invocation);
        return { StatusCode: 200, ...this.onInvoke(invocation) };
      },
    };
  }

  setAlias(functionName: string, alias: string, version: string, weights: Record<string, number> = {}): FakeAlias {
    const record = { FunctionVersion: version, weights };
    this.aliases.set(`${functionName}:${alias}`, record);
    return record;
  }

  reset(): void {
    this.aliases.clear();
  }
}

const view = (alias: FakeAlias) => ({
  FunctionVersion: alias.FunctionVersion,
  ...(Object.keys(alias.weights).length ? { RoutingConfig: { AdditionalVersionWeights: { ...alias.weights } } } : {}),
});

/** Alarms whose states tests set. */
export class FakeCloudWatch implements LocalService {
  readonly name = "cloudwatch";
  readonly alarms = new Map<string, { state: string; actionsEnabled: boolean }>();
  readonly callers: string[] = [];
  readonly operations: LocalService["operations"] = {
    DescribeAlarms: (input: { AlarmNames?: string[] }, { principal }) => {
      this.callers.push(principal.arn);
      return {
        MetricAlarms: [...this.alarms]
          .filter(([name]) => input.AlarmNames?.includes(name))
          .map(([name, alarm]) => ({
            AlarmName: name,
            StateValue: alarm.state,
            ActionsEnabled: alarm.actionsEnabled,
          })),
        CompositeAlarms: [],
      };
    },
  };

  set(name: string, state: string, actionsEnabled = true): void {
    this.alarms.set(name, { state, actionsEnabled });
  }

  reset(): void {
    this.alarms.clear();
  }
}

export class FakeSns implements LocalService {
  readonly name = "sns";
  readonly published: { topicArn: string; subject: string; message: Record<string, unknown>; principal: string }[] = [];
  readonly operations: LocalService["operations"] = {
    Publish: (input, { principal }) => {
      this.published.push({
        topicArn: input.TopicArn,
        subject: input.Subject,
        message: JSON.parse(input.Message),
        principal: principal.arn,
      });
      return { MessageId: "1" };
    },
  };

  reset(): void {
    this.published.length = 0;
  }
}

/** Installs the event link and collects what services emit. */
export function collectEvents(world: LocalWorld): ServiceEvent[] {
  const events: ServiceEvent[] = [];
  world.install("emitEvent", (event) => {
    events.push(event);
  });
  return events;
}
