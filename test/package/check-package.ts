/**
 * Packs the package, installs it into an empty project with its peers and uses it as people do: the command line, a
 * rehearsal, the local AWS, and the constructs from JavaScript and TypeScript. Takes a minute and the package registry.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
const project = mkdtempSync(join(tmpdir(), "goaround-package-"));
const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  devDependencies: Record<string, string>;
};

function run(what: string, program: string, args: string[], cwd = project): string {
  process.stderr.write(`${what}\n`);
  return execFileSync(program, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

function expectMatch(text: string, pattern: RegExp): void {
  if (!pattern.test(text)) throw new Error(`expected ${pattern} in:\n${text}`);
}

const APP = `
import { App, Stack } from "aws-cdk-lib";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { GuardedFunction, ReleaseGuard } from "goaround/constructs";

const app = new App();
const guard = new ReleaseGuard(new Stack(app, "guard"), "Guard", {
  environmentName: "dev",
  functionNamePrefixes: ["shop-"],
});
new GuardedFunction(new Stack(app, "shop"), "Checkout", {
  guard,
  function: {
    functionName: "shop-checkout",
    runtime: lambda.Runtime.NODEJS_22_X,
    handler: "index.handler",
    code: lambda.Code.fromInline("exports.handler = async () => ({ ok: true });"),
  },
});
app.synth();
`;
const SCENARIO = {
  name: "own-app",
  description: "A bad version of a function of the project's own app.",
  function: "shop-checkout",
  releases: [{ canary: { phases: [{ fromSeconds: 10, errorRate: 0.3 }] }, expected: "rolled-back" }],
  expected: { outcome: "rolled-back" },
};

/** Starts the local AWS, waits for its first line, stops it and answers the line. */
function firstLineOfLocal(): Promise<string> {
  return new Promise((resolve, reject) => {
    const program = join(project, "node_modules/goaround/dist/scripts/goaround.js");
    const child = spawn(process.execPath, [program, "local", "--port", "0"], { cwd: project });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk;
      if (output.includes("\n")) child.kill("SIGTERM");
    });
    child.on("error", reject);
    child.on("close", () => resolve(output));
  });
}

try {
  run("pack", "npm", ["pack", "--silent", "--pack-destination", project], root);
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "shop", private: true }));
  const peers = ["aws-cdk", "aws-cdk-lib", "cdk-nag", "constructs", "typescript", "@types/node"];
  const packages = peers.map((name) => `${name}@${devDependencies[name]}`);
  run("install", "npm", ["install", "--silent", "--no-audit", "--no-fund", `./goaround-${version}.tgz`, ...packages]);

  expectMatch(run("goaround --version", "npx", ["goaround", "--version"]), new RegExp(version.replaceAll(".", "\\.")));
  expectMatch(run("goaround --help", "npx", ["goaround", "--help"]), /Usage: goaround/);
  expectMatch(run("goaround rehearse --list", "npx", ["goaround", "rehearse", "--list"]), /high-error-rate/);
  process.stderr.write("goaround local\n");
  expectMatch(await firstLineOfLocal(), /^export AWS_ENDPOINT_URL=/);

  writeFileSync(join(project, "app.mjs"), APP);
  run("synth, JavaScript", "npx", ["cdk", "synth", "--app", "node app.mjs", "--quiet"]);
  expectMatch(readFileSync(join(project, "cdk.out/shop.template.json"), "utf8"), /CodeDeployLambdaAliasUpdate/);
  writeFileSync(join(project, "app.ts"), APP);
  const options = ["--strict", "--noEmit", "--skipLibCheck", "--module", "nodenext", "--target", "es2022"];
  run("types", "npx", ["tsc", ...options, "app.ts"]);

  writeFileSync(join(project, "scenario.json"), JSON.stringify(SCENARIO));
  const own = ["goaround", "rehearse", "--app", "node app.mjs", "--scenario", "scenario.json"];
  expectMatch(run("rehearse an own app", "npx", own), /as expected: rolled-back/);
  expectMatch(run("rehearse the sample platform", "npx", ["goaround", "rehearse"]), /as expected: rolled-back/);
  process.stderr.write("the package is as it should be\n");
} finally {
  rmSync(project, { recursive: true, force: true });
}
