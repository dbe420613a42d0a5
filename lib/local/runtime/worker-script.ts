import { fileURLToPath } from "node:url";

/** What a worker thread runs: a file, or source text. */
export interface WorkerScript {
  script: string;
  /** `script` is source text. */
  eval: boolean;
}

let prepared: Promise<WorkerScript> | undefined;

/**
 * A compiled package has the worker's script beside this module. When the sources are run directly it is built once,
 * because a worker must not inherit the loader of its parent (the handler's modules would pass through it, too).
 */
export function workerScript(): Promise<WorkerScript> {
  prepared ??= import.meta.url.endsWith(".ts")
    ? build()
    : Promise.resolve({ script: fileURLToPath(new URL("./worker/main.js", import.meta.url)), eval: false });
  return prepared;
}

async function build(): Promise<WorkerScript> {
  const { build: bundle } = await import("esbuild");
  const { outputFiles } = await bundle({
    entryPoints: [fileURLToPath(new URL("./worker/main.ts", import.meta.url))],
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    target: "node20",
    // `import()` stays: handlers may be ES modules.
    supported: { "dynamic-import": true },
    logLevel: "silent",
  });
  return { script: outputFiles[0]?.text ?? "", eval: true };
}
