import type { CreateFunctionCommandInput, FunctionConfiguration } from "@aws-sdk/client-lambda";
import { zipSync } from "fflate";
import { isObject, type JsonObject } from "../template/json.ts";
import { type ProviderContext, ResourceHandlerError, type ResourceType } from "./resource-type.ts";
import { changed, pick, retag, tagMap, text, unlessGone } from "./shared.ts";

/** Configuration properties, with the value that takes each back to its default when it leaves the template. */
const CONFIGURATION: Record<string, unknown> = {
  DeadLetterConfig: { TargetArn: "" },
  Description: "",
  Environment: { Variables: {} },
  EphemeralStorage: { Size: 512 },
  FileSystemConfigs: [],
  Handler: undefined,
  ImageConfig: {},
  KmsKeyArn: "",
  Layers: [],
  LoggingConfig: undefined,
  MemorySize: 128,
  Role: undefined,
  Runtime: undefined,
  SnapStart: { ApplyOn: "None" },
  Timeout: 3,
  TracingConfig: { Mode: "PassThrough" },
  VpcConfig: { SubnetIds: [], SecurityGroupIds: [] },
};
const CODE = ["Code", "Architectures"];

export const lambdaFunction: ResourceType = {
  updatable: [...Object.keys(CONFIGURATION), ...CODE, "ReservedConcurrentExecutions", "Tags"],
  createOnly: ["FunctionName", "PackageType"],
  nameProperty: "FunctionName",

  async create(properties, context) {
    const name = text(properties.FunctionName) ?? context.physicalName(64);
    const made = await context.call<FunctionConfiguration>("lambda", "CreateFunction", {
      ...pick(properties, [...Object.keys(CONFIGURATION), "Architectures", "PackageType"]),
      FunctionName: name,
      Code: codeOf(properties, context),
      Tags: {
        ...(properties.Tags === undefined ? {} : tagMap(properties.Tags)),
        // CloudFormation marks what it owns (CloudFormation user guide, resource tags, 2025).
        "aws:cloudformation:stack-name": context.stackName,
        "aws:cloudformation:stack-id": context.stackId,
        "aws:cloudformation:logical-id": context.logicalId,
      },
    });
    context.created(name);
    await setReservedConcurrency(name, undefined, properties, context);
    return { physicalId: name, attributes: { Arn: made.FunctionArn! } };
  },

  async update({ physicalId, properties: before, attributes }, properties, context) {
    const target = { FunctionName: physicalId };
    if (changed(before, properties, CODE)) {
      await context.call("lambda", "UpdateFunctionCode", {
        ...target,
        ...codeOf(properties, context),
        ...pick(properties, ["Architectures"]),
      });
    }
    const names = Object.keys(CONFIGURATION);
    if (changed(before, properties, names)) {
      const removed = names.filter((name) => before[name] !== undefined && properties[name] === undefined);
      await context.call("lambda", "UpdateFunctionConfiguration", {
        ...target,
        ...Object.fromEntries(removed.map((name) => [name, CONFIGURATION[name]])),
        ...pick(properties, names),
      });
    }
    await setReservedConcurrency(physicalId, before, properties, context);
    await retag(before.Tags, properties.Tags, {
      set: (tags) => context.call("lambda", "TagResource", { Resource: attributes.Arn, Tags: tagMap(tags) }),
      remove: (TagKeys) => context.call("lambda", "UntagResource", { Resource: attributes.Arn, TagKeys }),
    });
    return { physicalId, attributes };
  },

  delete: ({ physicalId }, context) =>
    unlessGone(context.call("lambda", "DeleteFunction", { FunctionName: physicalId })),
};

async function setReservedConcurrency(
  name: string,
  before: JsonObject | undefined,
  after: JsonObject,
  context: ProviderContext,
): Promise<void> {
  const wanted = after.ReservedConcurrentExecutions;
  if (wanted === before?.ReservedConcurrentExecutions) return;
  if (wanted === undefined) await context.call("lambda", "DeleteFunctionConcurrency", { FunctionName: name });
  else {
    const ReservedConcurrentExecutions = Number(wanted);
    await context.call("lambda", "PutFunctionConcurrency", { FunctionName: name, ReservedConcurrentExecutions });
  }
}

/** Inline code becomes a zip with one file, named as the runtime expects it (CloudFormation user guide, ZipFile, 2025). */
function codeOf(properties: JsonObject, context: ProviderContext): NonNullable<CreateFunctionCommandInput["Code"]> {
  const code = isObject(properties.Code) ? properties.Code : {};
  if (code.ZipFile === undefined) return pick(code, ["S3Bucket", "S3Key", "S3ObjectVersion", "ImageUri"]);
  const runtime = text(properties.Runtime) ?? "";
  const file = runtime.startsWith("nodejs") ? "index.js" : runtime.startsWith("python") ? "index.py" : undefined;
  if (!file) {
    throw new ResourceHandlerError(
      `${context.logicalId}: ZipFile is for nodejs and python runtimes only`,
      "InvalidRequest",
    );
  }
  return { ZipFile: zipSync({ [file]: [new TextEncoder().encode(String(code.ZipFile)), { mtime: "1980-01-02" }] }) };
}
