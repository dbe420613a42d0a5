import { readFileSync } from "node:fs";
import { join } from "node:path";

/** One line of docs/guards.md. */
export interface Guard {
  guard: string;
  file: string;
  test: string;
}

/** How to take a guard out: `find` occurs exactly once in the guard's file. `tests` are the files that hold its test. */
export interface Removal {
  guard: string;
  tests: string[];
  find: string;
  replace: string;
}

export function readGuards(root: string): Guard[] {
  return readFileSync(join(root, "docs/guards.md"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| guard"))
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .map(([, guard, file, test]) => ({ guard: guard!, file: file!, test: test! }));
}

export const readRemovals = (root: string): Removal[] =>
  JSON.parse(readFileSync(join(root, "docs/guards.removals.json"), "utf8")) as Removal[];

/** The file without the guard. Throws when the list no longer fits the file. */
export function withoutGuard(source: string, { guard, find, replace }: Removal): string {
  const occurrences = source.split(find).length - 1;
  if (occurrences !== 1) {
    throw new Error(`"${guard}": the text to take out occurs ${occurrences} times; update docs/guards.removals.json`);
  }
  return source.replace(find, () => replace);
}

/** A pattern for vitest's --testNamePattern: the test's title, `%s` and `%j` of a table standing for anything. */
export const titlePattern = (test: string) => `${test.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/%[sj]/g, ".*")}$`;
