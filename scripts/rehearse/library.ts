import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
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
  if (parsed.ok) return parsed.scenario;
  const line = ({ path: place, message }: ScenarioProblem) => `  ${place || "(document)"}: ${message}`;
  throw new GoaroundError(
    "usage",
    "operator",
    `${path} is no valid scenario:\n${parsed.problems.map(line).join("\n")}`,
    {
      advice: "docs/rehearsal.md explains every field; lib/contract/scenario.schema.json is its JSON Schema.",
    },
  );
}
