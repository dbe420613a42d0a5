/**
 * Runs in a process of its own (see bundle.ts): reads a request from standard input, bundles all entries and writes
 * their folders to standard output. Problems go to standard error, with exit code 1.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildFailure, build, type Metafile } from "esbuild";
import { FileDigests, recordBundle } from "./bundle-record.ts";
import { slimSdk } from "./slim-sdk.ts";

interface Request {
  entries: string[];
  cacheFolder: string;
}

const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
const beside = (name: string) => fileURLToPath(new URL(`./${name}.${extension}`, import.meta.url));

/**
 * One build for all entries: a file that several need, as most files of the SDK are, is read once. A bundle comes out
 * the same whatever it is built together with.
 */
async function bundleAll(entries: readonly string[], cacheFolder: string): Promise<string[]> {
  const startedAtMs = Date.now();
  const outdir = join(cacheFolder, "out");
  const { outputFiles, metafile } = await build({
    entryPoints: Object.fromEntries(entries.map((entry, i) => [String(i), entry])),
    outdir,
    outExtension: { ".js": ".mjs" },
    write: false,
    bundle: true,
    minify: true,
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
    metafile: true,
  });
  const contents = new Map(outputFiles.map((file) => [file.path, file.contents]));
  const digests = new FileDigests();
  return entries.map((entry, i) => {
    const folder = keep(contents.get(join(outdir, `${i}.mjs`)) as Uint8Array, cacheFolder);
    recordBundle({ entry, folder, inputs: reached(entry, metafile), startedAtMs }, digests);
    return folder;
  });
}
/** All files that esbuild read for an entry, also those of which nothing was left: a change may leave something. */
function reached(entry: string, { inputs }: Metafile): string[] {
  const found = new Set([relative(process.cwd(), realpathSync(entry))]);
  for (const path of found) {
    for (const { path: imported, external } of inputs[path]?.imports ?? []) if (!external) found.add(imported);
  }
  // `(disabled):…` stands for a file that a package switches off for Node; it has no text.
  return [...found].map((path) => resolve(path)).filter((path) => existsSync(path));
}

/** Writes a bundle once; a second process that writes the same content at the same time loses and does no harm. */
function keep(contents: Uint8Array, cacheFolder: string): string {
  const folder = join(cacheFolder, createHash("sha256").update(contents).digest("hex").slice(0, 32));
  if (existsSync(folder)) return folder;
  const partial = `${folder}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  writeFileSync(join(partial, "index.mjs"), contents);
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
  process.stdout.write(JSON.stringify(await bundleAll(entries, cacheFolder)));
} catch (error) {
  process.stderr.write(describe(error));
  process.exitCode = 1;
}
