import { ledgerTableName } from "../../lib/contract/names.ts";
import type { StepEnd } from "../../lib/contract/scenario.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import type { LocalAws } from "../../lib/local/index.ts";
import type { Evidence } from "./result.ts";

export interface WholeAlias {
  functionVersion: string;
  weights: Record<string, number>;
}

/** What a rehearsal reads of the account, in process and as its operator. */
export class Account {
  private readonly aws: LocalAws;

  constructor(aws: LocalAws) {
    this.aws = aws;
  }

  /** The function with this name, or the one function whose name ends with it. */
  async functionNamed(name: string): Promise<string> {
    const { Functions = [] } = await this.call<{ Functions?: { FunctionName: string }[] }>(
      "lambda",
      "ListFunctions",
      {},
    );
    const names = Functions.map((entry) => entry.FunctionName);
    if (names.includes(name)) return name;
    const matches = names.filter((candidate) => candidate.endsWith(name));
    if (matches.length === 1) return matches[0]!;
    throw new GoaroundError(
      "usage",
      "operator",
      matches.length > 1
        ? `several functions of the app end in "${name}": ${matches.join(", ")}`
        : `the app has no function "${name}"; it has ${names.join(", ") || "none"}`,
      { advice: "Name one in the scenario's `function` (or `siblings`)." },
    );
  }

  async alias(FunctionName: string, Name: string): Promise<WholeAlias> {
    const alias = await this.call<{
      FunctionVersion: string;
      RoutingConfig?: { AdditionalVersionWeights?: Record<string, number> };
    }>("lambda", "GetAlias", { FunctionName, Name });
    return { functionVersion: alias.FunctionVersion, weights: alias.RoutingConfig?.AdditionalVersionWeights ?? {} };
  }

  /** Name of the stack that owns the function. */
  async stackOf(functionName: string): Promise<string> {
    const { Configuration } = await this.call<{ Configuration: { FunctionArn: string } }>("lambda", "GetFunction", {
      FunctionName: functionName,
    });
    const { Tags = {} } = await this.call<{ Tags?: Record<string, string> }>("lambda", "ListTags", {
      Resource: Configuration.FunctionArn,
    });
    const name = Tags["aws:cloudformation:stack-name"];
    if (!name) throw new Error(`${functionName} belongs to no stack`);
    return name;
  }

  async stackStatus(StackName: string): Promise<string> {
    const { Stacks } = await this.call<{ Stacks: { StackStatus: string }[] }>("cloudformation", "DescribeStacks", {
      StackName,
    });
    return Stacks[0]!.StackStatus;
  }

  async stacksInProgress(): Promise<boolean> {
    const { Stacks = [] } = await this.call<{ Stacks?: { StackStatus: string }[] }>(
      "cloudformation",
      "DescribeStacks",
      {},
    );
    return Stacks.some(
      ({ StackStatus }) => StackStatus.endsWith("_IN_PROGRESS") && StackStatus !== "REVIEW_IN_PROGRESS",
    );
  }

  async deploymentsAreOver(): Promise<boolean> {
    const includeOnlyStatuses = ["Created", "Queued", "InProgress", "Ready"];
    const { deployments = [] } = await this.call<{ deployments?: string[] }>("codedeploy", "ListDeployments", {
      includeOnlyStatuses,
    });
    return deployments.length === 0;
  }

  /** ARN of the alarm on the whole alias's error rate. */
  async aliasErrorAlarm(functionName: string): Promise<string> {
    const { MetricAlarms = [] } = await this.call<{ MetricAlarms?: { AlarmName: string; AlarmArn: string }[] }>(
      "cloudwatch",
      "DescribeAlarms",
      {},
    );
    const found = MetricAlarms.find(
      ({ AlarmName }) => AlarmName.includes(`${functionName}.`) && AlarmName.endsWith(".error-rate"),
    );
    if (!found) throw new Error(`${functionName} has no alarm on its alias's error rate`);
    return found.AlarmArn;
  }

  /** What the guard wrote down about a release: its outcome and the codes of its findings and reasons. */
  async releaseRecord(
    environment: string,
    deploymentId: string,
  ): Promise<{ outcome: string; findings: string[]; evidence: Evidence; steps: Record<string, StepEnd> } | undefined> {
    const { Items = [] } = await this.call<{ Items?: Record<string, AttributeValue>[] }>("dynamodb", "Scan", {
      TableName: ledgerTableName(environment),
      ConsistentRead: true,
    });
    const records = Items.map((item) => plain({ M: item }) as Record<string, unknown>);
    const record = records.find((entry) => entry.deploymentId === deploymentId && typeof entry.outcome === "string");
    if (!record) return undefined;
    const verdict = record.verdict as { findings?: { code: string }[]; reasons?: { code: string }[] } | undefined;
    const watched = record.flagWatch as { found?: Record<string, { reason: { code: string } }> } | undefined;
    const ofFlags = Object.values(watched?.found ?? {}).map(({ reason }) => reason);
    const enabling = record.enabling as { findings?: { code: string }[] } | undefined;
    const before = (record.admissionFindings ?? []) as { code: string }[];
    const all = [
      ...(verdict?.findings ?? []),
      ...(verdict?.reasons ?? []),
      ...ofFlags,
      ...(enabling?.findings ?? []),
      ...before,
    ];
    const codes = all.map(({ code }) => code);
    const judging = record.judging as { logs?: { left?: object } } | undefined;
    const byLog = judging?.logs ? (judging.logs.left ? "logs, then metrics" : "logs") : "metrics";
    return {
      outcome: String(record.outcome),
      findings: [...new Set(codes)],
      evidence: judging ? byLog : null,
      steps: stepEnds(record),
    };
  }

  private call<T>(service: string, operation: string, input: Record<string, unknown>): Promise<T> {
    return this.aws.world.call<T>(service, operation, input, this.aws.world.credentials.principalFor(undefined));
  }
}

type Runs = { name: string; state: "started" | "done" | "failed" }[];

/** How the release's own steps have ended, the way back included. */
function stepEnds({
  stepsBefore = [],
  stepsAfter = [],
  stepsBack = [],
}: Record<string, unknown>): Record<string, StepEnd> {
  const ran = [...(stepsBefore as Runs), ...(stepsAfter as Runs)].map(({ name, state }) => [name, state]);
  const back = (stepsBack as Runs).map(({ name, state }) => [
    name,
    state === "done" ? "compensated" : "compensation-failed",
  ]);
  return Object.fromEntries([...ran, ...back]);
}

interface AttributeValue {
  S?: string;
  N?: string;
  BOOL?: boolean;
  NULL?: boolean;
  L?: AttributeValue[];
  M?: Record<string, AttributeValue>;
}

function plain(value: AttributeValue): unknown {
  if (value.S !== undefined) return value.S;
  if (value.N !== undefined) return Number(value.N);
  if (value.BOOL !== undefined) return value.BOOL;
  // The ledger keeps what has a structure as one JSON text.
  if (value.M?.json?.S !== undefined) return JSON.parse(value.M.json.S);
  if (value.L) return value.L.map(plain);
  if (value.M) return Object.fromEntries(Object.entries(value.M).map(([key, entry]) => [key, plain(entry)]));
  return null;
}
