import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  bin: Record<string, string>;
  exports: Record<string, string | { types: string; default: string }>;
  files: string[];
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
};

/** Sources that `npm run build` compiles, as paths from the root. */
function compiled(): string[] {
  const path = join(root, "tsconfig.build.json");
  const { config } = ts.readConfigFile(path, ts.sys.readFile);
  return ts.parseJsonConfigFileContent(config, ts.sys, root).fileNames.map((file) => relative(root, file));
}

const sourceOf = (built: string) => built.replace(/^\.\/dist\//, "").replace(/(\.d\.ts|\.js)$/, ".ts");

describe("the package", () => {
  it("holds beside what is built only what people read", () => {
    const output = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [packed] = JSON.parse(output) as { files: { path: string }[] }[];
    const others = packed!.files.map((file) => file.path).filter((path) => !path.startsWith("dist/"));
    expect(others.sort()).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "package.json"]);
  });

  it("is built from everything that bin and exports name", () => {
    const sources = compiled();
    const named = [...Object.values(manifest.bin), ...Object.values(manifest.exports)]
      .flatMap((entry) => (typeof entry === "string" ? [entry] : Object.values(entry)))
      .filter((path) => path !== "./package.json");
    expect(named.length).toBeGreaterThan(2);
    for (const path of named) expect(sources).toContain(sourceOf(path));
  });

  it("is built with handlers, the worker of the local AWS and the apps of scenarios, and without tests", () => {
    const sources = compiled();
    expect(sources).toEqual(
      expect.arrayContaining([
        "lambdas/pre-traffic/handler.ts",
        "lambdas/respond/handler.ts",
        "lib/constructs/bundling/bundle-worker.ts",
        "lib/local/runtime/worker/main.ts",
        "scenarios/apps/siblings.ts",
        "bin/app.ts",
      ]),
    );
    expect(sources.filter((path) => /^(test|bench)\/|\.test\.ts$/.test(path))).toEqual([]);
  });

  it("installs every package that what is built imports", () => {
    const installed = new Set([...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)]);
    const imported = compiled().flatMap((path) =>
      ts
        .preProcessFile(readFileSync(join(root, path), "utf8"), true, true)
        .importedFiles.map((file) => file.fileName)
        .filter((name) => !/^(\.|node:)/.test(name)),
    );
    const packages = new Set(
      imported.map((name) =>
        name
          .split("/")
          .slice(0, name.startsWith("@") ? 2 : 1)
          .join("/"),
      ),
    );
    // Types only: they leave no import behind.
    for (const erased of ["@types/aws-lambda", "aws-lambda"]) packages.delete(erased);
    expect([...packages].filter((name) => !installed.has(name))).toEqual([]);
  });

  it("comes with a licence, a change log and a readme", () => {
    for (const name of manifest.files.filter((entry) => /^[A-Z]/.test(entry))) {
      expect(existsSync(join(root, name)), name).toBe(true);
    }
  });
});
