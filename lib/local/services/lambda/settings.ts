import { createHash } from "node:crypto";
import type {
  CreateFunctionCommandInput,
  FunctionConfiguration,
  UpdateFunctionConfigurationCommandInput,
} from "@aws-sdk/client-lambda";
import type { World } from "../../kernel/service.ts";
import { brokenVariables, check } from "./constraints.ts";
import { invalidParameter } from "./errors.ts";
import type { CodeRecord } from "./store.ts";

/** The runtimes that new functions can use, and those that still run (Lambda runtimes page, 2026). */
const RUNTIMES = [
  ..."nodejs18.x nodejs20.x nodejs22.x nodejs24.x python3.9 python3.10 python3.11 python3.12 python3.13 python3.14".split(
    " ",
  ),
  ..."java8.al2 java11 java17 java21 java25 dotnet8 dotnet10 ruby3.2 ruby3.3 ruby3.4 provided.al2 provided.al2023".split(
    " ",
  ),
];
const RESERVED_VARIABLES = [
  "_HANDLER",
  "_X_AMZN_TRACE_ID",
  "AWS_DEFAULT_REGION",
  "AWS_REGION",
  "AWS_EXECUTION_ENV",
  "AWS_LAMBDA_FUNCTION_NAME",
  "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
  "AWS_LAMBDA_FUNCTION_VERSION",
  "AWS_LAMBDA_INITIALIZATION_TYPE",
  "AWS_LAMBDA_LOG_GROUP_NAME",
  "AWS_LAMBDA_LOG_STREAM_NAME",
  "AWS_ACCESS_KEY",
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_LAMBDA_RUNTIME_API",
  "LAMBDA_TASK_ROOT",
  "LAMBDA_RUNTIME_DIR",
];

type Settings = Omit<UpdateFunctionConfigurationCommandInput, "FunctionName" | "RevisionId">;

/** Reads the package that a create or update names. `links.readObject` is S3's. */
export function readCode(
  world: World,
  code: { ZipFile?: Uint8Array; S3Bucket?: string; S3Key?: string; ImageUri?: string },
): CodeRecord {
  if (code.ImageUri !== undefined) {
    return { zip: undefined, imageUri: code.ImageUri, sha256: sha256(code.ImageUri, "hex"), size: 0 };
  }
  const zip = code.ZipFile ?? fromS3(world, code.S3Bucket, code.S3Key);
  if (zip.length < 22 || zip[0] !== 0x50 || zip[1] !== 0x4b) {
    throw invalidParameter("Could not unzip uploaded file. Please check your file, then try to upload again.");
  }
  return { zip, imageUri: undefined, sha256: sha256(zip, "base64"), size: zip.length };
}

function fromS3(world: World, bucket: string | undefined, key: string | undefined): Uint8Array {
  if (bucket === undefined || key === undefined) throw invalidParameter("Please provide a source for function code.");
  const object = world.links.readObject(bucket, key);
  if (!object) {
    throw invalidParameter(
      "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.",
    );
  }
  return object;
}

const sha256 = (content: Uint8Array | string, encoding: "hex" | "base64") =>
  createHash("sha256").update(content).digest(encoding);

/** The settings of a new function, with the service's defaults. */
export function initialSettings(input: CreateFunctionCommandInput, region: string): FunctionConfiguration {
  const image = input.PackageType === "Image" || input.Code?.ImageUri !== undefined;
  if (!image && (input.Runtime === undefined || input.Handler === undefined)) {
    throw invalidParameter(
      input.Runtime === undefined && input.Handler === undefined
        ? "Runtime and Handler are mandatory parameters for functions created with deployment packages."
        : input.Runtime === undefined
          ? "Runtime is mandatory parameter for functions created with deployment packages."
          : "Handler is mandatory parameter for functions created with deployment packages.",
    );
  }
  const defaults: FunctionConfiguration = {
    FunctionName: input.FunctionName,
    Description: "",
    Timeout: 3,
    MemorySize: 128,
    PackageType: image ? "Image" : "Zip",
    Architectures: input.Architectures ?? ["x86_64"],
    EphemeralStorage: { Size: 512 },
    TracingConfig: { Mode: "PassThrough" },
    SnapStart: { ApplyOn: "None", OptimizationStatus: "Off" },
    LoggingConfig: { LogFormat: "Text", LogGroup: `/aws/lambda/${input.FunctionName}` },
  };
  return applySettings(defaults, input, region);
}

/** Settings after an update; what the request does not name stays. */
export function applySettings(before: FunctionConfiguration, change: Settings, region: string): FunctionConfiguration {
  refuseReserved(change);
  const after: FunctionConfiguration = { ...before };
  const plain = ["Role", "Handler", "Description", "Timeout", "MemorySize", "EphemeralStorage"] as const;
  for (const name of plain) if (change[name] !== undefined) Object.assign(after, { [name]: change[name] });
  if (change.Runtime !== undefined) {
    after.Runtime = change.Runtime;
    after.RuntimeVersionConfig = {
      RuntimeVersionArn: `arn:aws:lambda:${region}::runtime:${sha256(change.Runtime, "hex")}`,
    };
  }
  if (change.Environment !== undefined) after.Environment = { Variables: change.Environment.Variables ?? {} };
  if (change.TracingConfig !== undefined) after.TracingConfig = { Mode: change.TracingConfig.Mode ?? "PassThrough" };
  if (change.KMSKeyArn !== undefined) after.KMSKeyArn = change.KMSKeyArn || undefined;
  if (change.DeadLetterConfig !== undefined) {
    after.DeadLetterConfig = change.DeadLetterConfig.TargetArn
      ? { TargetArn: change.DeadLetterConfig.TargetArn }
      : undefined;
  }
  if (change.VpcConfig !== undefined) {
    const { SubnetIds: subnets = [], SecurityGroupIds: groups = [] } = change.VpcConfig;
    after.VpcConfig = { SubnetIds: subnets, SecurityGroupIds: groups, VpcId: "", Ipv6AllowedForDualStack: false };
  }
  if (change.Layers !== undefined) {
    after.Layers = change.Layers.length > 0 ? change.Layers.map((Arn) => ({ Arn, CodeSize: 0 })) : undefined;
  }
  if (change.FileSystemConfigs !== undefined) after.FileSystemConfigs = change.FileSystemConfigs;
  if (change.ImageConfig !== undefined) after.ImageConfigResponse = { ImageConfig: change.ImageConfig };
  if (change.SnapStart !== undefined) {
    after.SnapStart = { ApplyOn: change.SnapStart.ApplyOn ?? "None", OptimizationStatus: "Off" };
  }
  if (change.LoggingConfig !== undefined) {
    const { LogFormat = "Text", LogGroup, ApplicationLogLevel, SystemLogLevel } = change.LoggingConfig;
    after.LoggingConfig = {
      LogFormat,
      LogGroup: LogGroup ?? before.LoggingConfig?.LogGroup,
      ...(LogFormat === "JSON" && {
        ApplicationLogLevel: ApplicationLogLevel ?? "INFO",
        SystemLogLevel: SystemLogLevel ?? "INFO",
      }),
    };
  }
  return after;
}

/** The constraints of the service's model on settings; all that are broken are named together. */
export function checkSettings(change: Settings, others: Parameters<typeof check>[0] = {}, more: string[] = []): void {
  check(
    {
      ...others,
      role: change.Role,
      handler: change.Handler,
      description: change.Description,
      timeout: change.Timeout,
      memorySize: change.MemorySize,
      "ephemeralStorage.size": change.EphemeralStorage?.Size,
      "tracingConfig.mode": change.TracingConfig?.Mode,
      "loggingConfig.logFormat": change.LoggingConfig?.LogFormat,
    },
    [...brokenVariables(change.Environment?.Variables), ...more],
  );
}

function refuseReserved(change: Settings): void {
  if (change.Runtime !== undefined && !RUNTIMES.includes(change.Runtime)) {
    throw invalidParameter(
      `Value ${change.Runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [${RUNTIMES.join(", ")}] or be a valid ARN`,
    );
  }
  const variables = change.Environment?.Variables ?? {};
  const reserved = Object.keys(variables).filter((name) => RESERVED_VARIABLES.includes(name));
  if (reserved.length > 0) {
    throw invalidParameter(
      `Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: ${reserved.join(", ")}`,
    );
  }
  const measured = JSON.stringify(variables);
  if (measured.length > 4096) {
    throw invalidParameter(
      `Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: ${measured}`,
    );
  }
}
