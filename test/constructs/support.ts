import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { GuardedFunction, type GuardedFunctionProps } from "../../lib/constructs/guarded-function.ts";
import { ReleaseGuard, type ReleaseGuardProps } from "../../lib/constructs/release-guard.ts";
import { GUARD_HANDLERS, type GuardHandler } from "../../lib/contract/names.ts";

/** The CloudFormation validator takes seconds for each template; the test of the whole app runs with it. */
process.env.CDK_VALIDATION = "false";

export interface Resource {
  Type: string;
  Properties: Record<string, unknown>;
  DependsOn?: string[];
  UpdatePolicy?: Record<string, unknown>;
  DeletionPolicy?: string;
  UpdateReplacePolicy?: string;
}

/** A handler that echoes; the guard's own are tested where they live. */
const fixture = new URL("./fixtures/handler.ts", import.meta.url).pathname;
export const ENTRIES = Object.fromEntries(GUARD_HANDLERS.map((handler) => [handler, fixture])) as Record<
  GuardHandler,
  string
>;

export function guardIn(stack: Stack, props: Partial<ReleaseGuardProps> = {}): ReleaseGuard {
  return new ReleaseGuard(stack, "Guard", {
    environmentName: "dev",
    functionNamePrefixes: ["shop-"],
    entries: ENTRIES,
    ...props,
  });
}

/** A guard known by name only, which keeps a test's template to the function. */
export const namedGuard = (stack: Stack) => ReleaseGuard.fromEnvironmentName(stack, "Guard", "dev");

export function lambdaIn(stack: Stack, functionName: string | undefined = "shop-checkout"): lambda.Function {
  return new lambda.Function(stack, "Function", {
    functionName,
    runtime: lambda.Runtime.NODEJS_24_X,
    handler: "index.handler",
    code: lambda.Code.fromInline("exports.handler = async () => 1"),
  });
}

/** A stack with one guarded function. */
export function guardedStack(props: Partial<GuardedFunctionProps> = {}): {
  stack: Stack;
  guarded: GuardedFunction;
  template: () => Template;
} {
  const stack = new Stack(new App(), "Shop");
  const guarded = new GuardedFunction(stack, "Guarded", {
    guard: namedGuard(stack),
    function: lambdaIn(stack),
    ...props,
  });
  return { stack, guarded, template: () => Template.fromStack(stack) };
}

export const resources = (template: Template): Record<string, Resource> =>
  template.toJSON().Resources as Record<string, Resource>;

export const ofType = (template: Template, type: string): Resource[] =>
  Object.values(resources(template)).filter((resource) => resource.Type === type);

/** A CloudFormation value as text: references become `<LogicalId>`. */
export function text(value: unknown): string {
  if (typeof value === "string") return value;
  const [name, argument] = Object.entries(value as Record<string, unknown>)[0] ?? [];
  if (name === "Ref") return `<${argument}>`;
  if (name === "Fn::GetAtt") return `<${(argument as string[]).join(".")}>`;
  if (name === "Fn::Join") return (argument as [string, unknown[]])[1].map(text).join("");
  if (name === "Fn::Sub") return String(argument);
  throw new Error(`unexpected value ${JSON.stringify(value)}`);
}

export interface Statement {
  owner: string;
  effect: string;
  actions: string[];
  resources: string[];
}

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);

/** Every statement that a role's or a policy's document makes. */
export function identityStatements(template: Template): Statement[] {
  return Object.entries(resources(template)).flatMap(([owner, { Type, Properties }]) => {
    const documents =
      Type === "AWS::IAM::Role"
        ? list(Properties.Policies ?? []).map((policy) => (policy as { PolicyDocument: unknown }).PolicyDocument)
        : Type === "AWS::IAM::Policy" || Type === "AWS::IAM::ManagedPolicy"
          ? [Properties.PolicyDocument]
          : [];
    return documents.flatMap((document) => statementsOf(owner, document));
  });
}

export function statementsOf(owner: string, document: unknown): Statement[] {
  return list((document as { Statement: unknown }).Statement).map((raw) => {
    const statement = raw as { Effect: string; Action: unknown; Resource: unknown };
    return {
      owner,
      effect: statement.Effect,
      actions: list(statement.Action).map(String),
      resources: list(statement.Resource).map(text),
    };
  });
}

/** The only resource of a type. Throws when there is none or more than one. */
export function only(template: Template, type: string): Resource {
  const found = ofType(template, type);
  if (found.length !== 1 || !found[0]) throw new Error(`${found.length} resources of ${type}, not one`);
  return found[0];
}
