/**
 * Runs in a process of its own (see bundle.ts): reads a request from standard input, bundles all entries side by side
 * and writes their folders to standard output. Problems go to standard error, with exit code 1.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildFailure, build, type OutputFile } from "esbuild";
import { slimSdk } from "./slim-sdk.ts";

interface Request {
  entries: string[];
  cacheFolder: string;
}

const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
const beside = (name: string) => fileURLToPath(new URL(`./${name}.${extension}`, import.meta.url));

async function bundle(entry: string, cacheFolder: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: { index: entry },
    outdir: cacheFolder,
    outExtension: { ".js": ".mjs" },
    chunkNames: "[hash]",
    write: false,
    bundle: true,
    minify: true,
    // What a handler imports dynamically becomes a file of its own; in one file esbuild could not drop unused code.
    splitting: true,
    format: "esm",
    platform: "node",
    // The guard runs on Node 24; 22 leaves people the choice of the older runtime.
    target: "node22",
    mainFields: ["module", "main"],
    alias: { "@aws-sdk/credential-provider-node": beside("environment-credentials"), bowser: beside("absent") },
    plugins: [slimSdk],
    // Packages that are still CommonJS call require() for Node's own modules, which an ES module lacks.
    banner: { js: 'import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);' },
    legalComments: "none",
    logLevel: "silent",
  });
  return keep(outputFiles, cacheFolder);
}

/** Writes a bundle once; a second process that writes the same content at the same time loses and does no harm. */
function keep(files: readonly OutputFile[], cacheFolder: string): string {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  const hash = createHash("sha256");
  for (const file of sorted) hash.update(basename(file.path)).update(file.contents);
  const folder = join(cacheFolder, hash.digest("hex").slice(0, 32));
  if (existsSync(folder)) return folder;
  const partial = `${folder}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  for (const file of sorted) writeFileSync(join(partial, basename(file.path)), file.contents);
  try {
    renameSync(partial, folder);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

function describe(error: unknown): string {
  const { errors } = error as Partial<BuildFailure>;
  if (!errors || errors.length === 0) return String(error);
  return errors
    .map(({ text, location }) => (location ? `  ${location.file}:${location.line}: ${text}` : `  ${text}`))
    .join("\n");
}

const { entries, cacheFolder } = JSON.parse(readFileSync(0, "utf8")) as Request;
try {
  const folders = await Promise.all(entries.map((entry) => bundle(entry, cacheFolder)));
  process.stdout.write(JSON.stringify(folders));
} catch (error) {
  process.stderr.write(describe(error));
  process.exitCode = 1;
}
