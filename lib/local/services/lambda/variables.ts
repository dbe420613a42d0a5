import type { World } from "../../kernel/service.ts";
import type { VersionRecord } from "./store.ts";

/** Nothing listens here: a handler must never reach the real AWS because the emulator has no server. */
const NOWHERE = "http://127.0.0.1:9";

/** The variables of one execution environment, with credentials of the function's role. */
export function environmentVariables(
  world: World,
  version: VersionRecord,
  place: { taskRoot: string; group: string; stream: string },
): Record<string, string> {
  const { settings } = version;
  const functionName = settings.FunctionName ?? "";
  const credentials = world.credentials.issue(
    world.rolePrincipal(settings.Role ?? "", functionName, { service: "lambda.amazonaws.com" }),
  );
  return {
    LANG: "en_US.UTF-8",
    TZ: ":UTC",
    PATH: "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    LAMBDA_RUNTIME_DIR: "/var/runtime",
    ...settings.Environment?.Variables,
    LAMBDA_TASK_ROOT: place.taskRoot,
    _HANDLER: settings.Handler ?? "",
    AWS_EXECUTION_ENV: `AWS_Lambda_${settings.Runtime}`,
    AWS_REGION: world.region,
    AWS_DEFAULT_REGION: world.region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: credentials.sessionToken,
    AWS_ENDPOINT_URL: world.endpoint ?? NOWHERE,
    AWS_LAMBDA_FUNCTION_NAME: functionName,
    AWS_LAMBDA_FUNCTION_VERSION: version.version,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(settings.MemorySize ?? 128),
    AWS_LAMBDA_LOG_GROUP_NAME: place.group,
    AWS_LAMBDA_LOG_STREAM_NAME: place.stream,
    AWS_LAMBDA_LOG_FORMAT: settings.LoggingConfig?.LogFormat ?? "Text",
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
  };
}
