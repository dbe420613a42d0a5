import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";

const BIN = resolve("node_modules/aws-cdk/bin/cdk");
const LOOPBACK_ONLY = resolve("test/local/cdk-cli/loopback-only.cjs");

export interface CdkResult {
  code: number;
  /** Standard output and standard error, as they came. */
  output: string;
}

/**
 * Runs the unmodified CDK CLI. The flags and variables keep it from asking for notices, telemetry and versions, so that
 * it speaks to nothing but the endpoint.
 */
export async function runCdk(
  folder: string,
  environment: Record<string, string>,
  ...args: string[]
): Promise<CdkResult> {
  const home = join(folder, "..", "home");
  mkdirSync(home, { recursive: true });
  const child = spawn(process.execPath, [BIN, ...args, "--app", folder, "--no-notices", "--no-color", "--ci"], {
    cwd: join(folder, ".."),
    env: {
      PATH: process.env.PATH ?? "",
      HOME: home,
      CDK_HOME: home,
      CDK_DISABLE_CLI_TELEMETRY: "true",
      CDK_DISABLE_VERSION_CHECK: "1",
      NODE_OPTIONS: `--no-deprecation --require ${LOOPBACK_ONLY}`,
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const collect = (chunk: Buffer) => {
    output += chunk.toString("utf8");
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const code = await new Promise<number>((done, failed) => {
    child.on("error", failed);
    child.on("close", (status) => done(status ?? -1));
  });
  return { code, output };
}
