import type { Command } from "commander";
import { type LocalAws, startLocalAws } from "../../lib/local/index.ts";
import type { CliIo } from "../../scripts/cli/io.ts";
import type { Result } from "../../scripts/cli/run.ts";
import { call, ledgerTable } from "../adapters/local-scene.ts";
import { guardedFunction } from "../local/cloudformation/release-harness.ts";
import { LocalCommand, type LocalRun } from "./local-run.ts";

const MINUTE_MS = 60_000;
const STEP_MS = 500;
/** In every step of the clock: ten requests a second. */
const REQUESTS_PER_STEP = 5;

type Resources = Record<string, { Type: string; Properties: Record<string, unknown>; UpdatePolicy?: unknown }>;

/** The stack `app` at a release: function `orders`, alias `live`, its group in application `goaround-dev`. */
export function release(code: string, extra: Record<string, unknown> = {}): Resources {
  const resources = structuredClone(guardedFunction(code)) as Resources;
  resources.Application!.Properties.ApplicationName = "goaround-dev";
  resources.Group!.Properties.DeploymentGroupName = "orders-deployment-group";
  const Value = JSON.stringify({
    schemaVersion: 1,
    functionName: "orders",
    alias: "live",
    deploymentGroup: "orders-deployment-group",
    // The requests of this scene are in no log.
    signals: { source: "metrics" },
  });
  const Policy = {
    Type: "AWS::SSM::Parameter",
    Properties: { Name: "/goaround/dev/orders/live", Type: "String", Value },
  };
  return { ...resources, Policy, ...extra } as Resources;
}

/** A local AWS in which people use a function that CloudFormation and CodeDeploy release, and an operator's terminal. */
export class DoctorScene {
  readonly aws: LocalAws;
  /** Requests by the version that served them, since `forget`. */
  readonly served: Record<string, number> = {};
  isTerminal = false;
  answer = "y";
  readonly questions: string[] = [];

  private constructor(aws: LocalAws) {
    this.aws = aws;
  }

  static async start(options: { driftAwareAliases?: boolean } = {}): Promise<DoctorScene> {
    const aws = await startLocalAws({ startMs: Date.parse("2026-03-02T12:00:00.000Z"), ...options });
    const scene = new DoctorScene(aws);
    await ledgerTable(aws, "goaround-dev-ledger");
    await scene.deploy(release("A"));
    aws.services.lambda.setModel("orders", () => ({ outcome: "ok", durationMs: 20, response: null }));
    return scene;
  }

  call<Output>(service: string, operation: string, input: Record<string, unknown>): Promise<Output> {
    return call(this.aws, service, operation, input) as Promise<Output>;
  }

  forget(): void {
    for (const version of Object.keys(this.served)) delete this.served[version];
  }

  /** Lets time pass, with requests. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += STEP_MS) await this.step();
  }

  private async step(): Promise<void> {
    const now = this.aws.clock.now();
    if (this.aws.services.lambda.getAliasState("orders", "live")) {
      const atMs = Array.from({ length: REQUESTS_PER_STEP }, (_, i) => now + (i * STEP_MS) / REQUESTS_PER_STEP);
      const { versions } = this.aws.services.lambda.sendTraffic({ functionName: "orders", qualifier: "live", atMs });
      for (const [version, { requests }] of Object.entries(versions)) {
        this.served[version] = (this.served[version] ?? 0) + requests;
      }
    }
    await this.aws.clock.advanceBy(STEP_MS);
  }

  /** Deploys to the end, as `cdk deploy` does. Answers the stack's status and why its alias failed. */
  async deploy(resources: Record<string, unknown>): Promise<{ status: string; aliasFailure: string | undefined }> {
    await this.begin(resources);
    for (let minutes = 0; minutes < 180; minutes++) {
      const { status } = await this.stack();
      if (!status.endsWith("_IN_PROGRESS")) return { status, aliasFailure: await this.aliasFailure() };
      if (this.aws.services.lambda.getAliasState("orders", "live")) await this.pass(MINUTE_MS / 4);
      else await this.aws.clock.advanceBy(MINUTE_MS / 4);
    }
    throw new Error("the stack did not settle");
  }

  async begin(resources: Record<string, unknown>): Promise<void> {
    const exists = await this.stack().catch(() => undefined);
    await this.call("cloudformation", exists ? "UpdateStack" : "CreateStack", {
      StackName: "app",
      TemplateBody: JSON.stringify({ Resources: resources }),
      Capabilities: ["CAPABILITY_NAMED_IAM"],
    });
  }

  async stack(): Promise<{ status: string; template: { Resources: Resources } }> {
    const target = { StackName: "app" };
    const { Stacks } = await this.call<{ Stacks: { StackStatus: string }[] }>(
      "cloudformation",
      "DescribeStacks",
      target,
    );
    const { TemplateBody } = await this.call<{ TemplateBody: string }>("cloudformation", "GetTemplate", target);
    return { status: Stacks[0]!.StackStatus, template: JSON.parse(TemplateBody) as { Resources: Resources } };
  }

  private async aliasFailure(): Promise<string | undefined> {
    const { StackEvents } = await this.call<{
      StackEvents: { LogicalResourceId: string; ResourceStatus: string; ResourceStatusReason?: string }[];
    }>("cloudformation", "DescribeStackEvents", { StackName: "app" });
    return StackEvents.find((event) => event.LogicalResourceId === "Alias" && event.ResourceStatus === "UPDATE_FAILED")
      ?.ResourceStatusReason;
  }

  alias() {
    const { functionVersion, weights } = this.aws.services.lambda.getAliasState("orders", "live")!;
    return { version: functionVersion, weights };
  }

  async moveAlias(version: string, weights: Record<string, number> = {}): Promise<void> {
    await this.call("lambda", "UpdateAlias", {
      FunctionName: "orders",
      Name: "live",
      FunctionVersion: version,
      RoutingConfig: { AdditionalVersionWeights: weights },
    });
  }

  /** Ids of all deployments with their statuses. */
  async deployments(): Promise<{ id: string; status: string; creator: string }[]> {
    const { deployments = [] } = await this.call<{ deployments?: string[] }>("codedeploy", "ListDeployments", {});
    return Promise.all(
      deployments.map(async (deploymentId) => {
        const { deploymentInfo } = await this.call<{ deploymentInfo: { status: string; creator: string } }>(
          "codedeploy",
          "GetDeployment",
          { deploymentId },
        );
        return { id: deploymentId, status: deploymentInfo.status, creator: deploymentInfo.creator };
      }),
    );
  }

  /** Runs a command through the real adapters; the clock moves, with requests, while it waits. */
  run = (make: (io: CliIo, result: Result) => Command, ...argv: string[]): Promise<LocalRun> =>
    this.drive(this.command(), make, argv);

  command(): LocalCommand {
    return new LocalCommand(this.aws, {
      isTerminal: this.isTerminal,
      ask: async (question) => {
        this.questions.push(question);
        return this.answer;
      },
    });
  }

  /** `each`: after every step of the clock. */
  async drive(
    command: LocalCommand,
    make: (io: CliIo, result: Result) => Command,
    argv: readonly string[],
    each: () => void = () => undefined,
  ): Promise<LocalRun> {
    let isDone = false;
    const finished = command.run(make, argv).finally(() => {
      isDone = true;
    });
    while (!isDone) {
      if (command.isSleeping()) {
        await this.step();
        each();
      } else await new Promise<void>((resolve) => setImmediate(resolve));
    }
    return command.ended(await finished);
  }
}
