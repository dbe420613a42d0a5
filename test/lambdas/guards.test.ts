import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readGuards, readRemovals, withoutGuard } from "../mutation/guards.ts";

const root = join(import.meta.dirname, "../..");
const removals = new Map(readRemovals(root).map((removal) => [removal.guard, removal]));
const read = (file: string) => readFileSync(join(root, file), "utf8");

it.each(readGuards(root))(
  "the guard “$guard” is in a file, held by a test that exists, and can be taken out",
  (row) => {
    expect(existsSync(join(root, row.file))).toBe(true);
    const removal = removals.get(row.guard)!;
    const texts = removal.tests.flatMap((file) => [file, ...suitesOf(file)]).map(read);
    expect(texts.some((text) => text.includes(`"${row.test}"`))).toBe(true);
    expect(withoutGuard(read(row.file), removal)).not.toBe(read(row.file));
  },
);

it("knows no way to take out what is no guard", () => {
  expect([...removals.keys()].sort()).toEqual(
    readGuards(root)
      .map(({ guard }) => guard)
      .sort(),
  );
});

/** The contract suites that a test file runs. */
const suitesOf = (file: string) =>
  [...read(file).matchAll(/from "\.\.\/(contract-suites\/[a-z-]+\.ts)"/g)].map((match) => `test/${match[1]}`);
