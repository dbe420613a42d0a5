import { Stack } from "aws-cdk-lib";
import type { Construct } from "constructs";

/** `arn:<partition>:<service>:<region>:<account>:<rest>` of the stack. */
export function stackArn(scope: Construct, service: string, rest: string): string {
  const { partition, region, account } = Stack.of(scope);
  return `arn:${partition}:${service}:${region}:${account}:${rest}`;
}

/** A value of a template: text, or an intrinsic function. */
export type TemplateValue = string | Readonly<Record<string, unknown>>;

const environments = new WeakMap<Stack, Record<"partition" | "region" | "account", TemplateValue>>();

/** Partition, region and account as the stack's template has them, which is the same for everything in it. */
export function environmentOf(stack: Stack): Record<"partition" | "region" | "account", TemplateValue> {
  const known = environments.get(stack);
  if (known) return known;
  const { partition, region, account } = stack;
  const environment = stack.resolve({ partition, region, account });
  environments.set(stack, environment);
  return environment;
}

/** The same ARN as the template has it: there is nothing left to resolve. `rest` is literal. */
export function templateArn(stack: Stack, service: string, rest: string): TemplateValue {
  const { partition, region, account } = environmentOf(stack);
  const merged: TemplateValue[] = [];
  for (const part of ["arn:", partition, `:${service}:`, region, ":", account, `:${rest}`]) {
    const last = merged.at(-1);
    if (typeof part === "string" && typeof last === "string") merged[merged.length - 1] = last + part;
    else merged.push(part);
  }
  return merged.length === 1 ? (merged[0] as string) : { "Fn::Join": ["", merged] };
}
