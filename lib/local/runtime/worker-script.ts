import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "./temporary-folder.ts";

let built: Promise<string> | undefined;

/**
 * The file that a worker thread runs. A compiled package has it beside this module; when the sources are run directly,
 * it is built once, because a worker must not inherit the loader of its parent (the handler's modules would pass
 * through it, too).
 */
export function workerScript(): Promise<string> {
  built ??= import.meta.url.endsWith(".ts")
    ? build()
    : Promise.resolve(fileURLToPath(new URL("./worker/main.js", import.meta.url)));
  return built;
}

async function build(): Promise<string> {
  const { build: bundle } = await import("esbuild");
  const outfile = join(temporaryFolder("goaround-worker-").path, "main.mjs");
  await bundle({
    entryPoints: [fileURLToPath(new URL("./worker/main.ts", import.meta.url))],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "silent",
  });
  return outfile;
}
