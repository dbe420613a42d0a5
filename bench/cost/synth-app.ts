/** Run as a process of its own: synthesizes one app and prints how long that took and what it holds. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, Stack } from "aws-cdk-lib";
import { Alarm } from "aws-cdk-lib/aws-cloudwatch";
import { LambdaApplication, LambdaDeploymentConfig, LambdaDeploymentGroup } from "aws-cdk-lib/aws-codedeploy";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { GuardedFunction } from "../../lib/constructs/guarded-function.ts";
import { ReleaseGuard } from "../../lib/constructs/release-guard.ts";

const FUNCTIONS_IN_A_STACK = 20;

const functionIn = (stack: Stack, i: number) =>
  new lambda.Function(stack, `Function${i}`, {
    functionName: `shop-${i}`,
    runtime: lambda.Runtime.NODEJS_24_X,
    handler: "index.handler",
    code: lambda.Code.fromInline("exports.handler = async () => 1"),
  });

/** What people write without Goaround: an alias, the CDK's own group and one alarm on the alias' errors. */
function plain(stack: Stack, numbers: number[]): void {
  const application = new LambdaApplication(stack, "Application");
  for (const i of numbers) {
    const alias = new lambda.Alias(stack, `Alias${i}`, {
      aliasName: "live",
      version: functionIn(stack, i).currentVersion,
    });
    const alarm = new Alarm(stack, `Alarm${i}`, {
      metric: alias.metricErrors(),
      threshold: 1,
      evaluationPeriods: 1,
    });
    new LambdaDeploymentGroup(stack, `Group${i}`, {
      application,
      alias,
      deploymentConfig: LambdaDeploymentConfig.CANARY_10PERCENT_5MINUTES,
      alarms: [alarm],
    });
  }
}

function guarded(stack: Stack, numbers: number[]): void {
  const guard = ReleaseGuard.fromEnvironmentName(stack, "Guard", "dev");
  for (const i of numbers) new GuardedFunction(stack, `Guarded${i}`, { guard, function: functionIn(stack, i) });
}

function synthesize(build: typeof plain, count: number): { ms: number; resources: Record<string, number> } {
  const outdir = mkdtempSync(join(tmpdir(), "goaround-synth-"));
  const startedAt = performance.now();
  const app = new App({ outdir });
  for (let first = 0; first < count; first += FUNCTIONS_IN_A_STACK) {
    const numbers = Array.from({ length: Math.min(FUNCTIONS_IN_A_STACK, count - first) }, (_, i) => first + i);
    build(new Stack(app, `Stack${first}`), numbers);
  }
  const assembly = app.synth();
  const ms = performance.now() - startedAt;
  const resources: Record<string, number> = {};
  for (const stack of assembly.stacks) {
    for (const { Type } of Object.values(stack.template.Resources as Record<string, { Type: string }>)) {
      resources[Type] = (resources[Type] ?? 0) + 1;
    }
  }
  rmSync(outdir, { recursive: true });
  return { ms, resources };
}

const [kind = "", count = ""] = process.argv.slice(2);
const cpu = process.cpuUsage();
const { ms, resources } = synthesize(kind === "plain" ? plain : guarded, Number(count));
const milliseconds = ({ user, system }: NodeJS.CpuUsage) => (user + system) / 1000;
const measured = {
  wallMs: ms,
  cpuMs: milliseconds(process.cpuUsage(cpu)),
  wholeCpuMs: milliseconds(process.cpuUsage()),
};
process.stdout.write(`${JSON.stringify({ ...measured, ...resources })}\n`);
