import { createHash } from "node:crypto";
import {
  type AliasConfiguration,
  type FunctionConfiguration,
  GetAliasCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  LambdaClient,
  paginateListVersionsByFunction,
  UpdateAliasCommand,
} from "@aws-sdk/client-lambda";
import { GoaroundError } from "../core/errors.ts";
import type { AliasState, FunctionsPort, VersionInfo } from "../core/ports.ts";
import { calling, errorName, isNotFound, toGoaroundError } from "./errors.ts";
import { type AdapterOptions, connect, lazy } from "./options.ts";

/** Lambda's own upper limit for one synchronous invocation, in milliseconds. */
const MAX_INVOCATION_MS = 900_000;

export function createFunctions(options: AdapterOptions = {}): FunctionsPort {
  const clientFor = (more: AdapterOptions) => lazy(() => connect(LambdaClient, { ...options, ...more }));
  const client = clientFor({});
  // Its connections may be silent for as long as an invocation takes.
  const invoker = clientFor({ requestTimeoutMs: MAX_INVOCATION_MS });
  const http = { abortSignal: options.signal };

  async function requireFunction(functionName: string): Promise<void> {
    await calling(
      {
        operation: "lambda GetFunctionConfiguration",
        subject: `function ${functionName}`,
        missing: "function-missing",
        missingAdvice: "Check the name, --region and --profile.",
      },
      client().send(new GetFunctionConfigurationCommand({ FunctionName: functionName }), http),
    );
  }

  async function writeAlias(write: {
    functionName: string;
    alias: string;
    version: string;
    weights: Record<string, number>;
    revisionId: string;
  }): Promise<AliasState> {
    const { functionName, alias, version, weights, revisionId } = write;
    const moved = await calling(
      {
        operation: "lambda UpdateAlias",
        subject: `alias ${alias} of ${functionName} to version ${version}`,
        missing: "version-missing",
      },
      client().send(
        new UpdateAliasCommand({
          FunctionName: functionName,
          Name: alias,
          FunctionVersion: version,
          // An omitted RoutingConfig leaves the weights as they are; an empty map clears them.
          RoutingConfig: { AdditionalVersionWeights: weights },
          RevisionId: revisionId,
        }),
        http,
      ),
    );
    return toAliasState(functionName, alias, moved);
  }

  return {
    async getAlias(functionName, alias) {
      try {
        const found = await client().send(new GetAliasCommand({ FunctionName: functionName, Name: alias }), http);
        return toAliasState(functionName, alias, found);
      } catch (error) {
        // One code for both: Lambda answers ResourceNotFoundException for a missing function and a missing alias.
        if (isNotFound(error)) await requireFunction(functionName);
        throw toGoaroundError(error, {
          operation: "lambda GetAlias",
          subject: `alias ${alias} of ${functionName}`,
          missing: "alias-missing",
          missingAdvice: `Name an alias that exists: aws lambda list-aliases --function-name ${functionName}`,
        });
      }
    },

    async listVersions(functionName) {
      const context = {
        operation: "lambda ListVersionsByFunction",
        subject: `function ${functionName}`,
        missing: "function-missing",
        missingAdvice: "Check the name, --region and --profile.",
      } as const;
      const versions: VersionInfo[] = [];
      try {
        for await (const page of paginateListVersionsByFunction(
          { client: client() },
          { FunctionName: functionName },
          http,
        )) {
          for (const entry of page.Versions ?? []) if (entry.Version !== "$LATEST") versions.push(toVersionInfo(entry));
        }
      } catch (error) {
        throw toGoaroundError(error, context);
      }
      return versions;
    },

    async getVersion(functionName, version) {
      try {
        const input = { FunctionName: functionName, Qualifier: version };
        return toVersionInfo(await client().send(new GetFunctionConfigurationCommand(input), http));
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw toGoaroundError(error, {
          operation: "lambda GetFunctionConfiguration",
          subject: `version ${version} of ${functionName}`,
        });
      }
    },

    moveAlias: ({ functionName, alias, version, revisionId }) =>
      writeAlias({ functionName, alias, version, weights: {}, revisionId }),

    splitAlias: ({ functionName, alias, version, to, share, revisionId }) =>
      writeAlias({ functionName, alias, version, weights: { [to]: share }, revisionId }),

    async invoke({ functionName, qualifier, payload, mark, signal, attempts }) {
      let startedAt = performance.now();
      try {
        const abortSignal =
          options.signal && signal ? AbortSignal.any([options.signal, signal]) : (signal ?? options.signal);
        const command = new InvokeCommand({
          FunctionName: functionName,
          Qualifier: qualifier,
          InvocationType: "RequestResponse",
          Payload: new TextEncoder().encode(JSON.stringify(payload ?? {})),
          // Synchronous invocations only (Lambda API reference, Invoke, 2025); runtimes hand on what is under `custom`.
          ...(mark === undefined ? {} : { ClientContext: btoa(JSON.stringify({ custom: { goaround: mark } })) }),
        });
        // Inside the SDK's retries: each attempt passes here.
        command.middlewareStack.add(
          (next) => async (args) => {
            startedAt = performance.now();
            attempts?.began();
            try {
              return await next(args);
            } finally {
              attempts?.ended();
            }
          },
          { name: "attempts", step: "finalizeRequest", priority: "low" },
        );
        const answer = await invoker().send(command, { abortSignal });
        return {
          statusCode: answer.StatusCode ?? 0,
          functionError: answer.FunctionError,
          payload: parsePayload(answer.Payload),
          durationMs: performance.now() - startedAt,
          executedVersion: answer.ExecutedVersion,
          requestId: answer.$metadata.requestId,
        };
      } catch (error) {
        if (errorName(error) === "AbortError" && signal?.aborted && !options.signal?.aborted) {
          const waited = Math.round(performance.now() - startedAt);
          throw new GoaroundError(
            "timed-out",
            "dependency",
            `${functionName}:${qualifier} did not answer within ${waited} ms`,
            { cause: error },
          );
        }
        throw toGoaroundError(error, {
          operation: "lambda Invoke",
          subject: `${functionName}:${qualifier}`,
          missing: "version-missing",
        });
      }
    },
  };
}

function parsePayload(bytes: Uint8Array | undefined): unknown {
  if (!bytes || bytes.length === 0) return undefined;
  const text = new TextDecoder().decode(bytes);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function toAliasState(functionName: string, alias: string, found: AliasConfiguration): AliasState {
  return {
    functionName,
    alias,
    functionVersion: found.FunctionVersion ?? "",
    weights: { ...found.RoutingConfig?.AdditionalVersionWeights },
    revisionId: found.RevisionId ?? "",
    arn: found.AliasArn ?? "",
  };
}

function toVersionInfo(found: FunctionConfiguration): VersionInfo {
  const state = found.State;
  return {
    version: found.Version ?? "",
    codeSha256: found.CodeSha256 ?? "",
    configurationHash: hashConfiguration(found),
    lastModified: found.LastModified ?? "",
    state: state === "Pending" || state === "Active" || state === "Inactive" || state === "Failed" ? state : "Unknown",
    ...(found.LoggingConfig?.LogGroup === undefined ? {} : { logGroup: found.LoggingConfig.LogGroup }),
    ...(found.LoggingConfig?.LogFormat === undefined ? {} : { logFormat: found.LoggingConfig.LogFormat }),
    ...(found.LoggingConfig?.SystemLogLevel === undefined
      ? {}
      : { systemLogLevel: found.LoggingConfig.SystemLogLevel }),
    ...(found.Runtime === undefined ? {} : { runtime: found.Runtime }),
  };
}

/**
 * Hash over what a version freezes and what changes behaviour. Left out: what differs although nothing changed
 * (revision, dates, state, description) and what the code hash covers. Lists whose order means nothing are sorted.
 */
export function hashConfiguration(found: FunctionConfiguration): string {
  const frozen = {
    runtime: found.Runtime,
    handler: found.Handler,
    role: found.Role,
    timeout: found.Timeout,
    memory: found.MemorySize,
    environment: Object.entries(found.Environment?.Variables ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)),
    layers: (found.Layers ?? []).map((layer) => layer.Arn),
    subnets: [...(found.VpcConfig?.SubnetIds ?? [])].sort(),
    securityGroups: [...(found.VpcConfig?.SecurityGroupIds ?? [])].sort(),
    deadLetter: found.DeadLetterConfig?.TargetArn,
    key: found.KMSKeyArn,
    tracing: found.TracingConfig?.Mode ?? "PassThrough",
    files: (found.FileSystemConfigs ?? []).map((entry) => [entry.Arn, entry.LocalMountPath]),
    image: found.ImageConfigResponse?.ImageConfig,
    architectures: found.Architectures ?? ["x86_64"],
    ephemeralMb: found.EphemeralStorage?.Size ?? 512,
    snapStart: found.SnapStart?.ApplyOn ?? "None",
  };
  return createHash("sha256").update(JSON.stringify(frozen)).digest("base64");
}
