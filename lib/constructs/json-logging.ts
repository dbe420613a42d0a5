import { Annotations, Token } from "aws-cdk-lib";
import type { CfnFunction, Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import type { Construct } from "constructs";

/**
 * Has a function log in JSON, so that each of its requests ends in a `platform.report` record, which releases are judged
 * by. A function that says how it logs keeps that; where its level hides the records, which are of level INFO, the
 * synthesis warns (Lambda guide, "Configuring JSON and plain text log formats" and "Log-level filtering", 2026).
 */
export function logInJson(scope: Construct, fn: LambdaFunction): void {
  const resource = fn.node.defaultChild as CfnFunction;
  const own = resource.loggingConfig;
  if (Token.isUnresolved(own)) return;
  const given = own as CfnFunction.LoggingConfigProperty | undefined;
  if (given?.logFormat === undefined) {
    resource.loggingConfig = { ...given, logFormat: "JSON", systemLogLevel: "INFO" };
  } else if (given.logFormat === "JSON" && given.systemLogLevel === "WARN") {
    Annotations.of(scope).addWarningV2(
      "goaround:reportsHidden",
      "The function's system log level WARN hides the records that its releases are judged by: they are then judged by " +
        "Lambda's metrics, some minutes later. Set `systemLogLevelV2` to INFO, or `policy.signals.source` to metrics.",
    );
  }
}
