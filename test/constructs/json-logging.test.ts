import { App, Stack } from "aws-cdk-lib";
import { Annotations, Match, Template } from "aws-cdk-lib/assertions";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import { describe, expect, it } from "vitest";
import { GuardedFunction, type GuardedFunctionProps } from "../../lib/constructs/guarded-function.ts";
import { namedGuard, ofType } from "./support.ts";

function logging(
  own: Partial<lambda.FunctionProps> | ((stack: Stack) => Partial<lambda.FunctionProps>) = {},
  props: Partial<GuardedFunctionProps> = {},
) {
  const stack = new Stack(new App(), "Shop");
  const fn = new lambda.Function(stack, "Function", {
    functionName: "shop-checkout",
    runtime: lambda.Runtime.NODEJS_24_X,
    handler: "index.handler",
    code: lambda.Code.fromInline("exports.handler = async () => 1"),
    ...(typeof own === "function" ? own(stack) : own),
  });
  new GuardedFunction(stack, "Guarded", { guard: namedGuard(stack), function: fn, ...props });
  const template = Template.fromStack(stack);
  return {
    stack,
    config: ofType(template, "AWS::Lambda::Function")[0]?.Properties.LoggingConfig,
    version: Object.keys(template.findResources("AWS::Lambda::Version"))[0],
  };
}

describe("the log of a guarded function", () => {
  it("is in JSON with the records that tell of each request, where the function says nothing of it", () => {
    expect(logging().config).toEqual({ LogFormat: "JSON", SystemLogLevel: "INFO" });
    expect(logging((stack) => ({ logGroup: new LogGroup(stack, "Logs") })).config).toMatchObject({
      LogFormat: "JSON",
      LogGroup: expect.anything(),
    });
  });

  it("makes another version, because the configuration is part of it", () => {
    expect(logging().version).not.toBe(logging({}, { jsonLogging: false }).version);
  });

  it("stays as the function has it, or as the user wants it", () => {
    expect(logging({ loggingFormat: lambda.LoggingFormat.TEXT }).config).toEqual({ LogFormat: "Text" });
    expect(logging({}, { jsonLogging: false }).config).toBeUndefined();
    expect(logging({}, { policy: { signals: { source: "metrics" } } }).config).toBeUndefined();
  });

  it("is warned of where its level hides what releases are judged by", () => {
    const at = (systemLogLevelV2: lambda.SystemLogLevel) =>
      Annotations.fromStack(logging({ loggingFormat: lambda.LoggingFormat.JSON, systemLogLevelV2 }).stack).findWarning(
        "*",
        Match.stringLikeRegexp("goaround:reportsHidden"),
      );
    expect(at(lambda.SystemLogLevel.WARN)).toHaveLength(1);
    expect(at(lambda.SystemLogLevel.INFO)).toHaveLength(0);
  });
});
