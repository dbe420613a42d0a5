import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { GoaroundError } from "../../lib/core/errors.ts";

/** What a deployment of the app is asked to be. */
export interface DeployRequest {
  /** CDK context: `env`, `release:<function>` … */
  context: Record<string, string>;
  /** Stack names; empty means all. */
  stacks: string[];
}

export interface DeployResult {
  ok: boolean;
  /** Standard output and error of what ran, for people who must find out why. */
  output: string;
}

export interface Deployer {
  deploy(request: DeployRequest): Promise<DeployResult>;
}

/** Synthesizes the app once for each context, into a folder that later runs of the same process reuse. */
export class Assemblies {
  private readonly pending = new Map<string, Promise<string>>();
  private readonly command: string;
  private readonly environment: Record<string, string>;
  private root: string | undefined;

  constructor(command: string, environment: Record<string, string>) {
    this.command = command;
    this.environment = environment;
  }

  /** The cloud assembly's folder. Rejects with the app's own output when synthesis fails. */
  synthesize(context: Record<string, string>): Promise<string> {
    const key = createHash("sha256")
      .update(JSON.stringify([this.command, Object.entries(context).sort()]))
      .digest("hex");
    const known = this.pending.get(key);
    if (known) return known;
    const made = this.run(key.slice(0, 16), context);
    this.pending.set(key, made);
    return made;
  }

  /** Removes what was synthesized. */
  dispose(): void {
    if (this.root) rmSync(this.root, { recursive: true, force: true });
  }

  private makeRoot(): string {
    const root = mkdtempSync(join(tmpdir(), "goaround-"));
    // Also when the run is cut off.
    process.once("exit", () => this.dispose());
    return root;
  }

  private async run(key: string, context: Record<string, string>): Promise<string> {
    this.root ??= this.makeRoot();
    const folder = join(this.root, key);
    const unfinished = `${folder}.partial`;
    await mkdir(unfinished, { recursive: true });
    const result = await runCommand(this.command, {
      ...this.environment,
      CDK_OUTDIR: unfinished,
      CDK_CONTEXT_JSON: JSON.stringify(context),
      // The CDK's own template rules take two thirds of a synthesis. The local AWS refuses what is wrong; whoever wants
      // the rules here too sets the variable.
      CDK_VALIDATION: process.env.CDK_VALIDATION ?? "false",
    });
    if (!result.ok || !existsSync(join(unfinished, "manifest.json"))) {
      throw new GoaroundError("usage", "operator", `\`${this.command}\` did not synthesize:\n${result.output.trim()}`, {
        advice: "Run that command by hand; --app names another, --environment what it gets as context env.",
      });
    }
    await rename(unfinished, folder);
    return folder;
  }
}

/** Deploys with the unmodified CDK CLI, as a user would. */
export class CdkCliDeployer implements Deployer {
  private readonly assemblies: Assemblies;
  private readonly environment: Record<string, string>;
  private readonly onOutput: (text: string) => void;

  constructor(
    assemblies: Assemblies,
    environment: Record<string, string>,
    onOutput: (text: string) => void = () => {},
  ) {
    this.assemblies = assemblies;
    this.environment = environment;
    this.onOutput = onOutput;
  }

  async deploy(request: DeployRequest): Promise<DeployResult> {
    const assembly = await this.assemblies.synthesize(request.context);
    const selection = request.stacks.length > 0 ? [...request.stacks, "--exclusively"] : ["--all"];
    const args = [
      "deploy",
      ...selection,
      "--app",
      assembly,
      "--require-approval",
      "never",
      "--no-notices",
      "--concurrency",
      "6",
      "--progress",
      "events",
      "--ci",
    ];
    return runProgram(process.execPath, [cdkCli(), ...args], this.environment, this.onOutput);
  }
}

/** The entry point of the CDK CLI of the project that is rehearsed, or else of this package. */
function cdkCli(): string {
  const packageFile = [join(process.cwd(), "package.json"), import.meta.url].flatMap((from) => {
    try {
      return [createRequire(from).resolve("aws-cdk/package.json")];
    } catch {
      return [];
    }
  })[0];
  if (packageFile === undefined) {
    throw new GoaroundError("usage", "operator", "the CDK CLI is not installed here", {
      advice: "npm install --save-dev aws-cdk, or rehearse with --deploy-with api.",
    });
  }
  const { bin } = JSON.parse(readFileSync(packageFile, "utf8")) as { bin: Record<string, string> };
  return join(dirname(packageFile), bin.cdk ?? "bin/cdk");
}

function runCommand(command: string, environment: Record<string, string>): Promise<DeployResult> {
  return collect(
    spawn(command, {
      shell: true,
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    }),
  );
}

/** Runs a program to its end; its output is returned and passed on as it comes. */
export function runProgram(
  program: string,
  args: string[],
  environment: Record<string, string>,
  onOutput: (text: string) => void = () => {},
): Promise<DeployResult & { stdout: string; exitCode: number }> {
  const child = spawn(program, args, {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  return collect(child, onOutput);
}

function collect(
  child: ReturnType<typeof spawn>,
  onOutput: (text: string) => void = () => {},
): Promise<DeployResult & { stdout: string; exitCode: number }> {
  return new Promise((resolve, reject) => {
    let output = "";
    let stdout = "";
    // What runs is the head of a process group of its own: what it has started (a shell's command) ends with it.
    const stop = () => child.pid !== undefined && process.kill(-child.pid, "SIGKILL");
    process.once("exit", stop);
    child.stdout?.on("data", (chunk: Buffer) => {
      stdout += chunk;
      output += chunk;
      onOutput(String(chunk));
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      output += chunk;
      onOutput(String(chunk));
    });
    child.on("error", reject);
    child.on("close", (code) => {
      process.removeListener("exit", stop);
      resolve({ ok: code === 0, output, stdout, exitCode: code ?? 1 });
    });
  });
}
