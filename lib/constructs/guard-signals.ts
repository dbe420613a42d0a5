import { Stack } from "aws-cdk-lib";
import * as lambda from "aws-cdk-lib/aws-lambda";
import type { Construct } from "constructs";
import { defaultLogGroup } from "../contract/names.ts";
import { stackArn } from "./arns.ts";

export interface GuardSignalsProps {
  readonly signals: lambda.IFunction;
  readonly functionNamePrefixes: readonly string[];
}

/** What comes later than this belongs to no look any more. Seconds. */
const MAX_AGE_SECONDS = 300;

/**
 * Lets CloudWatch Logs hand the logs of guarded functions to the signals Lambda: one statement for each prefix of their
 * names, however many releases there are. The guard's own Lambdas are under no such prefix, so that a record about a batch
 * can never become a batch.
 */
export function guardSignals(scope: Construct, { signals, functionNamePrefixes }: GuardSignalsProps): void {
  functionNamePrefixes.forEach((prefix, i) => {
    new lambda.CfnPermission(scope, `SignalsFromLogs${i === 0 ? "" : i}`, {
      functionName: signals.functionName,
      action: "lambda:InvokeFunction",
      principal: "logs.amazonaws.com",
      sourceAccount: Stack.of(scope).account,
      sourceArn: functionLogs(scope, prefix, ":*"),
    });
  });
  new lambda.CfnEventInvokeConfig(scope, "SignalsAsync", {
    functionName: signals.functionName,
    qualifier: "$LATEST",
    maximumRetryAttempts: 2,
    maximumEventAgeInSeconds: MAX_AGE_SECONDS,
  });
}

/** Log groups of the functions whose names begin so. */
export const functionLogs = (scope: Construct, prefix: string, rest = "") =>
  stackArn(scope, "logs", `log-group:${defaultLogGroup(prefix)}*${rest}`);
