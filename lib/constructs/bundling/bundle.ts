import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, extname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { FileDigests, recallBundle } from "./bundle-record.ts";

const here = fileURLToPath(import.meta.url);
/** `.ts` in the source tree, `.js` in the published package. */
const extension = extname(here);
const projectRoot = resolve(dirname(here), "../../..");

/** Handler `name` of this package: `lambdas/<name>/handler`. */
export const handlerEntry = (name: string) => join(projectRoot, "lambdas", name, `handler${extension}`);

/** Entry and cache folder → folder with its `index.mjs`; one process bundles an entry once. */
const bundled = new Map<string, string>();
const keyOf = (entry: string, cacheFolder: string) => `${cacheFolder}\n${entry}`;

/**
 * Bundles handlers with esbuild, without Docker: minified ES modules with the SDK inside. Returns the folder of each
 * entry, named by its content, so that an unchanged handler keeps its asset and its version.
 * Throws an error that lists what esbuild found.
 *
 * Constructs are synchronous and esbuild's plugins are not, so the work is done by a child process.
 */
export function bundleHandlers(entries: readonly string[], cacheFolder = defaultCacheFolder()): string[] {
  const keep = (entry: string, folder: string) => bundled.set(keyOf(entry, cacheFolder), folder);
  const isMissing = (entry: string) => !bundled.has(keyOf(entry, cacheFolder));
  const digests = new FileDigests();
  for (const entry of entries.filter(isMissing)) {
    const folder = recallBundle(entry, cacheFolder, digests);
    if (folder !== undefined) keep(entry, folder);
  }
  const missing = [...new Set(entries)].filter(isMissing);
  if (missing.length > 0) {
    const folders = runWorker(missing, cacheFolder);
    missing.forEach((entry, i) => {
      keep(entry, folders[i] as string);
    });
  }
  return entries.map((entry) => bundled.get(keyOf(entry, cacheFolder)) as string);
}

const defaultCacheFolder = () => join(process.cwd(), ".goaround", "bundles");

function runWorker(entries: readonly string[], cacheFolder: string): string[] {
  const lost = entries.filter((entry) => !existsSync(entry));
  if (lost.length > 0)
    throw new Error(`no handler at ${lost.join(", ")}; give the path of a file that exports \`handler\``);
  const worker = join(dirname(here), `bundle-worker${extension}`);
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [...loader(), worker], {
    input: JSON.stringify({ entries, cacheFolder }),
    encoding: "utf8",
    // A loader or a debugger of this process has no business in that one.
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  if (error || status !== 0) throw new Error(`a handler does not bundle:\n${error?.message ?? stderr}`);
  return JSON.parse(stdout) as string[];
}

/** In the source tree the worker is TypeScript. */
const loader = () => (extension === ".ts" ? ["--import", pathToFileURL(createRequire(here).resolve("tsx")).href] : []);
