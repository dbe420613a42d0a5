import { readdirSync, readFileSync, statSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, normalize, relative } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");

/** Who may import whom, from the top folder that holds a file to the folders it may reach. */
const ALLOWED: Record<string, string[]> = {
  bin: ["bin", "lib/constructs", "lib/contract"],
  "lib/contract": ["lib/contract"],
  "lib/constructs": ["lib/constructs", "lib/contract"],
  "lib/core": ["lib/core", "lib/contract"],
  "lib/adapters": ["lib/adapters", "lib/core", "lib/contract"],
  "lib/local": ["lib/local"],
  lambdas: ["lambdas", "lib/adapters", "lib/core", "lib/contract"],
  scripts: ["scripts", "lib/adapters", "lib/core", "lib/local", "lib/contract"],
  bench: ["bench", "scripts", "lambdas", "lib/constructs", "lib/adapters", "lib/core", "lib/local", "lib/contract"],
};
const folders = Object.keys(ALLOWED).sort((a, b) => b.length - a.length);
const folderOf = (file: string) => folders.find((folder) => file.startsWith(`${folder}/`));

function sources(folder: string): string[] {
  return readdirSync(join(root, folder)).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(join(root, path)).isDirectory()) return name === "node_modules" ? [] : sources(path);
    return path.endsWith(".ts") ? [path] : [];
  });
}

/** Module specifiers of static and dynamic imports and of re-exports. */
function specifiers(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  const pattern =
    /(?:^|\n)\s*(?:import|export)\s[^;"']*?from\s*["']([^"']+)["']|import\(\s*["']([^"']+)["']\s*\)|(?:^|\n)import\s*["']([^"']+)["']/g;
  return [...text.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3]!);
}

const files = Object.keys(ALLOWED)
  .filter((folder) => folder.split("/").length > 1 || ["bench", "bin", "lambdas", "scripts"].includes(folder))
  .flatMap(sources);
const imports = files.flatMap((file) => specifiers(file).map((specifier) => ({ file, specifier })));

describe("architecture", () => {
  it("finds the imports it is to judge", () => {
    expect(imports.length).toBeGreaterThan(100);
  });

  it("lets each folder import only what stands below it", () => {
    const breaches = imports.flatMap(({ file, specifier }) => {
      if (!specifier.startsWith(".")) return [];
      const target = normalize(join(dirname(file), specifier));
      const from = folderOf(file);
      const to = folderOf(target);
      return from && to && ALLOWED[from]?.includes(to) ? [] : [`${file} → ${target}`];
    });
    expect(breaches).toEqual([]);
  });

  it("keeps core free of the SDK, the CDK and Node itself", () => {
    const builtins = new Set(builtinModules);
    const breaches = imports.filter(
      ({ file, specifier }) =>
        file.startsWith("lib/core/") &&
        (specifier.startsWith("@aws-sdk/") ||
          specifier.startsWith("aws-cdk-lib") ||
          specifier.startsWith("node:") ||
          builtins.has(specifier)),
    );
    expect(breaches).toEqual([]);
  });

  it("keeps the CDK out of what runs in a Lambda, and handlers out of constructs", () => {
    const runtime = /^(lambdas|lib\/(core|adapters|contract|local))\//;
    const breaches = imports.filter(
      ({ file, specifier }) => runtime.test(file) && /^(aws-cdk-lib|constructs|cdk-nag)/.test(specifier),
    );
    expect(breaches).toEqual([]);
  });

  it("has no import that leaves the project's folders", () => {
    const outside = imports.filter(
      ({ file, specifier }) =>
        specifier.startsWith(".") && relative(root, join(root, dirname(file), specifier)).startsWith(".."),
    );
    expect(outside).toEqual([]);
  });
});
