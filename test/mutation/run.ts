import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Guard, type Removal, readGuards, readRemovals, titlePattern, withoutGuard } from "./guards.ts";

/**
 * Takes each guard of docs/guards.md out, one at a time, and runs its test, which must fail. Works on copies of the
 * sources in the temporary folder; the working tree is never touched. Exit 0 all were noticed, 1 one survived, 2 usage or
 * the list does not fit the sources.
 */
const HELP = `npm run mutate -- [--guard TEXT] [--jobs N]
  --guard TEXT  only guards whose name contains TEXT
  --jobs N      copies that work side by side (default 2)
`;

/** What tests read; everything else of the tree is not needed to run them. */
const COPIED = [
  "lib",
  "lambdas",
  "scripts",
  "bench",
  "scenarios",
  "test",
  "docs",
  "package.json",
  "tsconfig.json",
  "vitest.config.ts",
];
/** A test that should fail within its own time limit; a guard's removal may make it hang. Milliseconds. */
const TEST_TIMEOUT_MS = 10_000;
const RUN_TIMEOUT_MS = 120_000;

type Outcome = "killed" | "survived" | "broken";

const root = join(import.meta.dirname, "../..");

function makeCopy(): string {
  const copy = mkdtempSync(join(tmpdir(), "goaround-mutate-"));
  for (const name of COPIED) cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  return copy;
}

interface Ran {
  passed: number;
  failed: number;
  timedOut: boolean;
  output: string;
}

/** Runs the tests of that title in that copy; vitest itself counts what passed and failed. */
function runTests(copy: string, tests: readonly string[], title: string): Promise<Ran> {
  const args = ["run", ...tests, "--testNamePattern", titlePattern(title), `--testTimeout=${TEST_TIMEOUT_MS}`];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), ...args, "--reporter=json"], {
      cwd: copy,
      env: { ...process.env, NODE_OPTIONS: "", AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
    });
    let stdout = "";
    let output = "";
    let timedOut = false;
    child.stdout.on("data", (data: Buffer) => {
      stdout += data.toString();
    });
    child.stderr.on("data", (data: Buffer) => {
      output += data.toString();
    });
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill("SIGKILL");
    }, RUN_TIMEOUT_MS);
    child.on("close", () => {
      clearTimeout(timer);
      resolve({ ...counts(stdout), timedOut, output: `${stdout}${output}` });
    });
  });
}

function counts(stdout: string): { passed: number; failed: number } {
  const start = stdout.indexOf('{"numTotalTestSuites"');
  if (start === -1) return { passed: 0, failed: 0 };
  const report = JSON.parse(stdout.slice(start)) as { numPassedTests: number; numFailedTests: number };
  return { passed: report.numPassedTests, failed: report.numFailedTests };
}

interface Verdict {
  outcome: Outcome;
  note: string;
}

async function tryRemoval(copy: string, { file, test }: Guard, removal: Removal): Promise<Verdict> {
  const before = await runTests(copy, removal.tests, test);
  if (before.passed === 0 || before.failed > 0) {
    return { outcome: "broken", note: `the test does not pass with the guard: ${before.output.slice(-400)}` };
  }
  const path = join(copy, file);
  const source = readFileSync(path, "utf8");
  writeFileSync(path, withoutGuard(source, removal));
  try {
    const after = await runTests(copy, removal.tests, test);
    if (after.timedOut) return { outcome: "killed", note: "never ended" };
    if (after.failed > 0) return { outcome: "killed", note: "" };
    // Neither passed nor failed: the file could not be loaded, which proves nothing.
    if (after.passed === 0) return { outcome: "broken", note: `no test ran: ${after.output.slice(-400)}` };
    return { outcome: "survived", note: `${test} (${removal.tests.join(", ")})` };
  } finally {
    writeFileSync(path, source);
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { guard: { type: "string" }, jobs: { type: "string", default: "2" }, help: { type: "boolean" } },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const jobs = Number(values.jobs);
  if (!Number.isInteger(jobs) || jobs < 1) {
    process.stderr.write(`--jobs ${values.jobs} is not a number from 1\n`);
    return 2;
  }
  const removals = new Map(readRemovals(root).map((removal) => [removal.guard, removal]));
  const guards = readGuards(root).filter(({ guard }) => guard.includes(values.guard ?? ""));
  const results: Record<Outcome, number> = { killed: 0, survived: 0, broken: 0 };
  const queue = [...guards];
  const work = async () => {
    const copy = makeCopy();
    try {
      for (let guard = queue.shift(); guard; guard = queue.shift()) {
        const removal = removals.get(guard.guard);
        const { outcome, note }: Verdict = removal
          ? await tryRemoval(copy, guard, removal)
          : { outcome: "broken", note: "docs/guards.removals.json does not say how to take it out" };
        results[outcome] += 1;
        process.stdout.write(`${outcome.padEnd(9)} ${guard.guard}${note ? `: ${note}` : ""}\n`);
      }
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, guards.length) }, work));
  const { killed, survived, broken } = results;
  process.stdout.write(`${guards.length} guards: ${killed} noticed, ${survived} survived, ${broken} broken\n`);
  return broken > 0 || guards.length === 0 ? 2 : survived > 0 ? 1 : 0;
}

process.exitCode = await main();
