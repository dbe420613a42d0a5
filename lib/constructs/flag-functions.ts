import { Duration, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import type { Construct } from "constructs";
import { ENV, type FlagHandler, flagFunctionName, ledgerTableName } from "../contract/names.ts";
import { stackArn } from "./arns.ts";
import { bundleHandlers, handlerEntry } from "./bundling/bundle.ts";
import type { Permission } from "./least-privilege-role.ts";
import { ledgerItems } from "./ledger-permissions.ts";
import { ownFunction } from "./own-function.ts";

/** Handlers in place of the package's own. */
export type FlagEntries = Partial<Record<FlagHandler, string>>;

/** ARNs of an AppConfig application, environment and profile. */
export interface FlagArns {
  readonly application: string;
  readonly environment: string;
  readonly profile: string;
}

/** AppConfig waits 15 s for a validator [inferred]; ours needs two. */
const VALIDATE_TIMEOUT = Duration.seconds(10);
const MERGE_TIMEOUT = Duration.seconds(60);

/** AppConfig's validator: reads the ledger and nothing else. */
export function validateFunction(scope: Construct, environmentName: string, entries: FlagEntries): lambda.Function {
  const fn = flagFunction(scope, "ValidateFlags", environmentName, "validate-flags", entries, {
    description: "Refuses a version of the flags in which a killed one is on",
    timeout: VALIDATE_TIMEOUT,
    permissions: [],
  });
  fn.addPermission("AppConfig", {
    principal: new iam.ServicePrincipal("appconfig.amazonaws.com"),
    sourceAccount: Stack.of(scope).account,
    sourceArn: stackArn(scope, "appconfig", "application/*"),
  });
  return fn;
}

/** Custom resource that makes the versions of one profile. It deploys none. */
export function mergeFunction(
  scope: Construct,
  environmentName: string,
  { application, environment, profile }: FlagArns,
  entries: FlagEntries,
): lambda.Function {
  return flagFunction(scope, "MergeFlags", environmentName, "merge-flags", entries, {
    description: "Merges the flags of code and run time when a stack is deployed",
    timeout: MERGE_TIMEOUT,
    permissions: [
      { actions: ["appconfig:ListDeployments"], resources: [application, environment] },
      {
        actions: ["appconfig:GetDeployment"],
        resources: [application, environment, `${environment}/deployment/*`],
        because: "deployments to this one environment get their numbers at run time, so the policy cannot name them",
      },
      {
        actions: [
          "appconfig:CreateHostedConfigurationVersion",
          "appconfig:DeleteHostedConfigurationVersion",
          "appconfig:GetHostedConfigurationVersion",
          "appconfig:ListHostedConfigurationVersions",
        ],
        resources: [application, profile, `${profile}/hostedconfigurationversion/*`],
        because: "hosted versions of this one profile get their numbers at run time, so the policy cannot name them",
      },
    ],
  });
}

function flagFunction(
  scope: Construct,
  id: string,
  environmentName: string,
  handler: FlagHandler,
  entries: FlagEntries,
  props: { description: string; timeout: Duration; permissions: Permission[] },
): lambda.Function {
  const [folder] = bundleHandlers([entries[handler] ?? handlerEntry(handler)]);
  const table = ledgerTableName(environmentName);
  return ownFunction(scope, id, {
    ...props,
    functionName: flagFunctionName(environmentName, handler),
    runtime: lambda.Runtime.NODEJS_24_X,
    handler: "index.handler",
    code: lambda.Code.fromAsset(folder as string),
    memorySize: 256,
    loggingFormat: lambda.LoggingFormat.JSON,
    permissions: [
      ledgerItems(["dynamodb:GetItem"], stackArn(scope, "dynamodb", `table/${table}`), ["environment"]),
      ...props.permissions,
    ],
    environment: { [ENV.environment]: environmentName, [ENV.ledgerTable]: table },
  });
}
