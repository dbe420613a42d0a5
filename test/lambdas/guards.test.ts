import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const rows = readFileSync(join(root, "docs/guards.md"), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| guard"))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map(([, guard, file, test]) => ({ guard: guard!, file: file!, test: test! }));

const tests = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
  .filter((name) => /^(lambdas|core|contract-suites)\/.*\.ts$/.test(name) && !name.endsWith("guards.test.ts"))
  .map((name) => readFileSync(join(root, "test", name), "utf8"))
  .join("\n");

it.each(rows)("the guard “$guard” is in a file and held by a test that exist", ({ file, test }) => {
  expect(existsSync(join(root, file))).toBe(true);
  expect(tests).toContain(`"${test}"`);
});
