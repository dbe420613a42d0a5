import type { FunctionConfiguration, ListVersionsByFunctionCommandOutput } from "@aws-sdk/client-lambda";
import { lambdaAlias } from "./lambda-alias.ts";
import { lambdaFunction } from "./lambda-function.ts";
import { type ProviderContext, ResourceHandlerError, type ResourceTypes } from "./resource-type.ts";
import { pick, text, unlessGone } from "./shared.ts";

const PERMISSION = [
  "Action",
  "EventSourceToken",
  "FunctionName",
  "FunctionUrlAuthType",
  "InvokedViaFunctionUrl",
  "Principal",
  "PrincipalOrgID",
  "SourceAccount",
  "SourceArn",
];
const EVENT_INVOKE = ["DestinationConfig", "MaximumEventAgeInSeconds", "MaximumRetryAttempts"];

export const lambdaTypes: ResourceTypes = {
  "AWS::Lambda::Function": lambdaFunction,
  "AWS::Lambda::Alias": lambdaAlias,

  "AWS::Lambda::Version": {
    updatable: [],
    createOnly: ["FunctionName", "CodeSha256", "Description"],
    async create(properties, context) {
      const known = await versionsOf(String(properties.FunctionName), context);
      const made = await context.call<FunctionConfiguration>(
        "lambda",
        "PublishVersion",
        pick(properties, ["FunctionName", "CodeSha256", "Description"]),
      );
      if (known.has(made.Version!)) {
        // PublishVersion answers with the existing version when nothing changed; CloudFormation refuses to adopt it
        // (aws/aws-cdk issue 28252, 2023).
        throw new ResourceHandlerError(
          `Version already exists: [${made.FunctionArn}]. Please modify the function to create a new version. (Service: Lambda, Status Code: 409)`,
          "AlreadyExists",
        );
      }
      const FunctionArn = made.FunctionArn!;
      return { physicalId: FunctionArn, attributes: { Version: made.Version!, FunctionArn } };
    },
    delete: ({ physicalId, attributes }, context) =>
      unlessGone(
        context.call("lambda", "DeleteFunction", {
          FunctionName: physicalId.split(":").slice(0, -1).join(":"),
          Qualifier: text(attributes.Version),
        }),
      ),
  },

  "AWS::Lambda::Permission": {
    updatable: [],
    createOnly: PERMISSION,
    async create(properties, context) {
      const StatementId = context.physicalName(100);
      await context.call("lambda", "AddPermission", { ...pick(properties, PERMISSION), StatementId });
      return { physicalId: StatementId, attributes: { Id: StatementId } };
    },
    delete: ({ physicalId, properties }, context) =>
      unlessGone(
        context.call("lambda", "RemovePermission", {
          FunctionName: text(properties.FunctionName),
          StatementId: physicalId,
        }),
      ),
  },

  "AWS::Lambda::EventInvokeConfig": {
    updatable: EVENT_INVOKE,
    createOnly: ["FunctionName", "Qualifier"],
    async create(properties, context) {
      await putEventInvokeConfig(properties, context);
      return { physicalId: `${text(properties.FunctionName)}|${text(properties.Qualifier)}` };
    },
    async update({ physicalId }, properties, context) {
      await putEventInvokeConfig(properties, context);
      return { physicalId };
    },
    delete: ({ properties }, context) =>
      unlessGone(
        context.call("lambda", "DeleteFunctionEventInvokeConfig", pick(properties, ["FunctionName", "Qualifier"])),
      ),
  },
};

const putEventInvokeConfig = (properties: Parameters<typeof pick>[0], context: ProviderContext) =>
  context.call(
    "lambda",
    "PutFunctionEventInvokeConfig",
    pick(properties, [...EVENT_INVOKE, "FunctionName", "Qualifier"]),
  );

async function versionsOf(functionName: string, context: ProviderContext): Promise<Set<string>> {
  const versions = new Set<string>();
  let Marker: string | undefined;
  do {
    const page: ListVersionsByFunctionCommandOutput = await context.call("lambda", "ListVersionsByFunction", {
      FunctionName: functionName,
      ...(Marker === undefined ? {} : { Marker }),
    });
    for (const version of page.Versions ?? []) versions.add(version.Version!);
    Marker = page.NextMarker;
  } while (Marker !== undefined);
  return versions;
}
