import { AwsError } from "../../kernel/errors.ts";
import type { SeededRandom } from "../../kernel/random.ts";
import type { World } from "../../kernel/service.ts";
import { checkAlarmsOnce, watchAlarms } from "./alarms.ts";
import { AliasTraffic, invalidAppSpec } from "./alias.ts";
import type { LambdaAppSpec } from "./appspec.ts";
import { trafficSteps } from "./configurations.ts";
import {
  type CodeDeployOptions,
  DeploymentFailure,
  type DeploymentRecord,
  HOOK_TIMEOUT_MS,
  type HookEvent,
  type TargetEvent,
} from "./model.ts";
import { callAsServiceRole } from "./service-role.ts";

const HOOK_FAILED = "The deployment failed because one or more of the lifecycle event validation functions failed.";

/**
 * Takes one deployment through Start, BeforeAllowTraffic, AllowTraffic, AfterAllowTraffic and End. Resolves when the
 * deployment has succeeded, rejects with the DeploymentFailure that ends it, or with the abort reason of its signal.
 */
export class Lifecycle {
  private readonly world: World;
  private readonly random: SeededRandom;
  private readonly options: Required<CodeDeployOptions>;

  constructor(world: World, options: Required<CodeDeployOptions>) {
    this.world = world;
    this.options = options;
    this.random = world.random.fork("codedeploy/hooks");
  }

  /** A release: validated, watched by alarms, shifted by its configuration. */
  async release(deployment: DeploymentRecord): Promise<void> {
    this.tell(deployment, "Start", "Succeeded");
    // Alarms that are red at the start stop the deployment before any hook runs (recorded 2026-08-22: within a second).
    await checkAlarmsOnce(this.world, deployment, this.options.maxAttempts);
    const spec = this.specOf(deployment);
    const traffic = new AliasTraffic(this.world, deployment, spec, this.options.maxAttempts);
    await traffic.validate();
    const steps = this.steps(deployment, spec, traffic);
    try {
      await Promise.race([watchAlarms(this.world, deployment, this.options), steps]);
    } catch (error) {
      // A call that is still under way ends first, so that it cannot undo the rollback that follows.
      deployment.controller.abort(error);
      await steps.catch(() => undefined);
      throw error;
    }
    this.tell(deployment, "End", "Succeeded");
  }

  /** An undo: straight to the version to restore, without alarms (recorded: it succeeds while they are red). */
  async rollback(deployment: DeploymentRecord, version: string): Promise<void> {
    const spec = this.specOf(deployment);
    const traffic = new AliasTraffic(this.world, deployment, spec, this.options.maxAttempts);
    const hooks = this.options.hooksOnRollbackDeployments;
    await this.event(deployment, "BeforeAllowTraffic", () => this.hook(deployment, spec, "BeforeAllowTraffic", hooks));
    await this.event(deployment, "AllowTraffic", async () => {
      await traffic.moveTo(version);
      deployment.targetWeight = 1;
      await this.world.clock.sleep(this.options.latencyMs, deployment.controller.signal);
    });
    await this.event(deployment, "AfterAllowTraffic", () => this.hook(deployment, spec, "AfterAllowTraffic", hooks));
    this.tell(deployment, "End", "Succeeded");
  }

  private async steps(deployment: DeploymentRecord, spec: LambdaAppSpec, traffic: AliasTraffic): Promise<void> {
    await this.event(deployment, "BeforeAllowTraffic", () => this.hook(deployment, spec, "BeforeAllowTraffic", true));
    await this.event(deployment, "AllowTraffic", async () => {
      const startedAt = this.world.clock.now();
      for (const step of trafficSteps(deployment.configuration.trafficRoutingConfig)) {
        await this.world.clock.sleep(startedAt + step.atMs - this.world.clock.now(), deployment.controller.signal);
        await traffic.shift(step.percent);
      }
      await traffic.awaitProvisionedConcurrency();
    });
    await this.event(deployment, "AfterAllowTraffic", () => this.hook(deployment, spec, "AfterAllowTraffic", true));
  }

  /** Marks a lifecycle event's begin and end around its work. What goes wrong is marked by whoever ends the deployment. */
  private async event(deployment: DeploymentRecord, name: TargetEvent, work: () => Promise<void>): Promise<void> {
    deployment.controller.signal.throwIfAborted();
    const event = deployment.events.get(name);
    if (!event) return;
    event.status = "InProgress";
    event.startTime = new Date(this.world.clock.now());
    deployment.lastUpdatedAt = event.startTime;
    this.tell(deployment, name, "InProgress");
    await work();
    deployment.controller.signal.throwIfAborted();
    event.status = "Succeeded";
    event.endTime = new Date(this.world.clock.now());
    event.diagnostics = { errorCode: "Success", scriptName: "", message: "", logTail: "" };
    deployment.lastUpdatedAt = event.endTime;
    this.tell(deployment, name, "Succeeded");
  }

  /**
   * Invokes the hook function asynchronously with the two ids and nothing else, then waits for its answer. What the
   * function returns or throws is not looked at (aws/serverless-application-model#239).
   */
  private async hook(deployment: DeploymentRecord, spec: LambdaAppSpec, event: HookEvent, run: boolean): Promise<void> {
    const target = spec.hooks[event];
    if (!target || !run) return;
    const { signal } = deployment.controller;
    const id = this.executionId();
    const answered = new Promise<"Succeeded" | "Failed">((answer) =>
      deployment.hooks.push({ id, event, answer, answered: false }),
    );
    await this.invoke(deployment, target, { DeploymentId: deployment.id, LifecycleEventHookExecutionId: id });
    const timeout = new AbortController();
    const silent = this.world.clock.sleep(HOOK_TIMEOUT_MS, timeout.signal).then(() => "Failed" as const);
    const status = await Promise.race([answered, silent, aborted(signal)]).finally(() => timeout.abort());
    if (status === "Succeeded") return;
    throw new DeploymentFailure("HOOK_EXECUTION_FAILURE", HOOK_FAILED, { event: "DEPLOYMENT_FAILURE" });
  }

  private async invoke(deployment: DeploymentRecord, target: string, payload: object): Promise<void> {
    try {
      await callAsServiceRole(
        this.world,
        deployment,
        {
          service: "lambda",
          operation: "Invoke",
          input: {
            FunctionName: target,
            InvocationType: "Event",
            Payload: new TextEncoder().encode(JSON.stringify(payload)),
          },
        },
        this.options.maxAttempts,
      );
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      throw new DeploymentFailure(
        "INVALID_LAMBDA_FUNCTION",
        `The deployment failed because the hook function ${target} could not be invoked: ${error.code}: ${error.message}`,
        { event: "DEPLOYMENT_FAILURE" },
      );
    }
  }

  private specOf(deployment: DeploymentRecord): LambdaAppSpec {
    if (!deployment.appSpec.ok) throw invalidAppSpec(deployment.appSpec.problem);
    return deployment.appSpec.spec;
  }

  /** An opaque text that begins like the real ones (recorded 2026-08-08: `eyJlbmNyeXB0ZWREYXRhIjoi…`). */
  private executionId(): string {
    const encryptedData = this.random.text(120);
    const ivParameterSpec = this.random.text(16);
    return Buffer.from(JSON.stringify({ encryptedData, ivParameterSpec, materialSetSerial: 1 })).toString("base64");
  }

  private tell(deployment: DeploymentRecord, event: string, status: string): void {
    this.world.announce("lifecycle-event", { deploymentId: deployment.id, event, status });
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
