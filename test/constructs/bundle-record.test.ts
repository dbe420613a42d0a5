import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { FileDigests, recallBundle, recordBundle } from "../../lib/constructs/bundling/bundle-record.ts";

const LONG_AGO = new Date("2026-01-01T00:00:00Z");

let project: string;
let cache: string;
let bundle: string;
let entry: string;
let helper: string;

/** All files with the same old date, as npm unpacks them: only the content tells one from another. */
function write(path: string, text: string): string {
  writeFileSync(path, text);
  utimesSync(path, LONG_AGO, LONG_AGO);
  return path;
}

const record = (startedAtMs = Date.now()) =>
  recordBundle({ entry, folder: bundle, inputs: [entry, helper], startedAtMs }, new FileDigests());
const recall = () => recallBundle(entry, cache, new FileDigests());

describe("what a bundle was made from", () => {
  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), "goaround-record-"));
    mkdirSync(join(project, "node_modules"));
    cache = join(project, "cache");
    bundle = join(cache, "0123456789abcdef");
    mkdirSync(bundle, { recursive: true });
    entry = write(join(project, "handler.ts"), 'import "./helper.ts";');
    helper = write(join(project, "helper.ts"), "export const a = 1;");
    for (const settings of ["package.json", "tsconfig.json", "node_modules/.package-lock.json"]) {
      write(join(project, settings), "{}");
    }
  });

  it("gives the bundle again while nothing has changed", () => {
    expect(recall()).toBeUndefined();
    record();
    expect(recall()).toBe(bundle);
  });

  it.each(["handler.ts", "helper.ts", "package.json", "tsconfig.json", "node_modules/.package-lock.json"])(
    "does not give it after a change to %s, though size and date stay",
    (name) => {
      write(join(project, name), "12");
      record();
      expect(recall()).toBe(bundle);
      write(join(project, name), "13");
      expect(recall()).toBeUndefined();
    },
  );

  it("does not give it when the bundle, a file or the record is gone or damaged", () => {
    record();
    rmSync(bundle, { recursive: true });
    expect(recall()).toBeUndefined();
    mkdirSync(bundle);
    expect(recall()).toBe(bundle);
    rmSync(helper);
    expect(recall()).toBeUndefined();
  });

  it("records nothing when a file was written while esbuild worked", () => {
    record(LONG_AGO.getTime());
    expect(recall()).toBeUndefined();
  });
});
