import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, extname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseScenario, type Scenario, type ScenarioProblem } from "../../lib/contract/scenario.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import { suggest } from "../../lib/core/suggest.ts";

/** The project's root: the nearest folder above this file that holds the scenarios, in the sources and when built. */
export const projectRoot = (() => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "scenarios")) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
})();
const folder = join(projectRoot, "scenarios");

/**
 * Node's arguments that run a program of this package, by its path without extension: TypeScript with its loader in the
 * source tree, JavaScript where the package is installed.
 */
export function ownProgram(path: string): string[] {
  const here = fileURLToPath(import.meta.url);
  const extension = extname(here);
  const loader = extension === ".ts" ? ["--import", pathToFileURL(createRequire(here).resolve("tsx")).href] : [];
  return [...loader, join(projectRoot, `${path}${extension}`)];
}

/** Command line that synthesizes an app of this package. */
export const ownApp = (path: string): string =>
  [process.execPath, ...ownProgram(path)].map((word) => `"${word}"`).join(" ");

/** What a scenario writes before the name of an app that ships with it. */
const SHIPPED_APP = "shipped:";

export const scenarioNames = (): string[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .map((file) => file.slice(0, -".json".length))
    .sort();

/** A shipped scenario by name, or one from a file. Throws a usage error that lists everything that is wrong with it. */
export function loadScenario(nameOrFile: string): Scenario {
  const isFile = nameOrFile.endsWith(".json") || nameOrFile.includes("/");
  const path = isFile ? nameOrFile : join(folder, `${nameOrFile}.json`);
  if (!existsSync(path)) {
    const near = isFile ? undefined : suggest(nameOrFile, scenarioNames());
    throw new GoaroundError(
      "usage",
      "operator",
      isFile ? `there is no file ${path}` : `there is no scenario "${nameOrFile}"`,
      {
        advice: near
          ? `Did you mean ${near}? --list shows all.`
          : "--list shows the scenarios that ship; a file's name ends in .json.",
      },
    );
  }
  const parsed = parseScenario(readFileSync(path, "utf8"));
  if (parsed.ok) return withOwnApp(parsed.scenario, path);
  throw invalid(path, parsed.problems);
}

function withOwnApp(scenario: Scenario, path: string): Scenario {
  if (!scenario.app?.startsWith(SHIPPED_APP)) return scenario;
  const name = scenario.app.slice(SHIPPED_APP.length);
  const files = existsSync(join(folder, "apps")) ? readdirSync(join(folder, "apps")) : [];
  const programs = files.filter((file) => /\.[jt]s$/.test(file));
  const known = [...new Set(programs.map((file) => file.replace(/(\.d)?\.[jt]s$/, "")))];
  if (known.includes(name)) return { ...scenario, app: ownApp(`scenarios/apps/${name}`) };
  const message = `no app "${name}" ships; there is ${known.join(", ") || "none"}`;
  throw invalid(path, [{ path: "app", message }]);
}

function invalid(path: string, problems: readonly ScenarioProblem[]): GoaroundError {
  const lines = problems.map(({ path: place, message }) => `  ${place || "(document)"}: ${message}`);
  return new GoaroundError("usage", "operator", `${path} is no valid scenario:\n${lines.join("\n")}`, {
    advice: "docs/rehearsal.md explains every field; lib/contract/scenario.schema.json is its JSON Schema.",
  });
}
