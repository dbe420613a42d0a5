import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

export type Handler = (
  event: unknown,
  context: unknown,
  callback: (error: unknown, result?: unknown) => void,
) => unknown;

/** Fails as Lambda's runtime does; `name` becomes the error type. */
export class HandlerLoadError extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

/** Finds `file.export` under the task root and loads it as Lambda's Node.js runtime would: CommonJS or ES module. */
export async function loadHandler(taskRoot: string, handler: string): Promise<Handler> {
  const slash = handler.lastIndexOf("/") + 1;
  const dot = handler.indexOf(".", slash);
  if (dot <= slash) throw new HandlerLoadError("Runtime.MalformedHandlerName", "Bad handler");
  const modulePath = handler.slice(0, dot);
  const file = ["", ".js", ".mjs", ".cjs"].map((suffix) => join(taskRoot, modulePath + suffix)).find(existsSync);
  if (!file) {
    throw new HandlerLoadError(
      "Runtime.ImportModuleError",
      `Error: Cannot find module '${modulePath.split("/").at(-1)}'`,
    );
  }
  let found: unknown = await loadModule(taskRoot, file);
  for (const name of handler.slice(dot + 1).split(".")) {
    const container = found as Record<string, unknown> | undefined;
    found = container?.[name] ?? (container?.default as Record<string, unknown> | undefined)?.[name];
  }
  if (found === undefined) {
    throw new HandlerLoadError("Runtime.HandlerNotFound", `${handler} is undefined or not exported`);
  }
  if (typeof found !== "function") {
    throw new HandlerLoadError("Runtime.HandlerNotFound", `${handler} is not a function`);
  }
  return found as Handler;
}

async function loadModule(taskRoot: string, file: string): Promise<unknown> {
  try {
    return isEsModule(taskRoot, file) ? await import(pathToFileURL(file).href) : createRequire(file)(file);
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new HandlerLoadError("Runtime.UserCodeSyntaxError", `SyntaxError: ${error.message}`);
    }
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND") {
      throw new HandlerLoadError("Runtime.ImportModuleError", `Error: ${(error as Error).message}`);
    }
    throw error;
  }
}

function isEsModule(taskRoot: string, file: string): boolean {
  if (file.endsWith(".mjs")) return true;
  if (file.endsWith(".cjs")) return false;
  for (let folder = dirname(file); folder.startsWith(taskRoot); folder = dirname(folder)) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest)) return JSON.parse(readFileSync(manifest, "utf8")).type === "module";
  }
  return false;
}
