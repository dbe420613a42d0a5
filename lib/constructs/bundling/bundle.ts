import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync, type Message } from "esbuild";

const here = fileURLToPath(import.meta.url);
/** `.ts` in the source tree, `.js` in the published package. */
const extension = extname(here);
const projectRoot = resolve(dirname(here), "../../..");

/** Handler `name` of this package: `lambdas/<name>/handler`. */
export const handlerEntry = (name: string) => join(projectRoot, "lambdas", name, `handler${extension}`);

/** Entry → folder with its `index.mjs`; one process bundles an entry once. */
const bundled = new Map<string, string>();

/**
 * Bundles handlers in one esbuild run, without Docker: minified ES modules with the SDK inside. Returns the folder of
 * each entry, named by its content, so that an unchanged handler keeps its asset and its version.
 * Throws an error that lists what esbuild found.
 */
export function bundleHandlers(entries: readonly string[], cacheFolder = defaultCacheFolder()): string[] {
  const missing = entries.filter((entry) => !bundled.has(entry));
  if (missing.length > 0) build(missing, cacheFolder);
  return entries.map((entry) => bundled.get(entry) as string);
}

const defaultCacheFolder = () => join(process.cwd(), ".goaround", "bundles");

function build(entries: readonly string[], cacheFolder: string): void {
  const lost = entries.filter((entry) => !existsSync(entry));
  if (lost.length > 0)
    throw new Error(`no handler at ${lost.join(", ")}; give the path of a file that exports \`handler\``);
  const named = Object.fromEntries(entries.map((entry, i) => [String(i), entry]));
  const result = (() => {
    try {
      return buildSync({
        entryPoints: named,
        outdir: cacheFolder,
        outExtension: { ".js": ".mjs" },
        write: false,
        bundle: true,
        minify: true,
        format: "esm",
        platform: "node",
        // Lambda runs Node 24; 22 leaves people the choice of the older runtime.
        target: "node22",
        mainFields: ["module", "main"],
        alias: { "@aws-sdk/credential-provider-node": join(dirname(here), `environment-credentials${extension}`) },
        // Packages that are still CommonJS call require() for Node's own modules, which an ES module lacks.
        banner: { js: 'import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);' },
        legalComments: "none",
        logLevel: "silent",
      });
    } catch (error) {
      throw new Error(`a handler does not bundle:\n${describe((error as { errors?: Message[] }).errors ?? [], error)}`);
    }
  })();
  for (const file of result.outputFiles) {
    const entry = named[file.path.slice(cacheFolder.length + 1).replace(/\.mjs$/, "")] as string;
    bundled.set(entry, keep(file.contents, cacheFolder));
  }
}

function describe(messages: readonly Message[], error: unknown): string {
  if (messages.length === 0) return String(error);
  return messages
    .map(({ text, location }) => (location ? `  ${location.file}:${location.line}: ${text}` : `  ${text}`))
    .join("\n");
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
