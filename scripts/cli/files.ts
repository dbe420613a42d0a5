import { readFileSync, writeFileSync } from "node:fs";
import { GoaroundError } from "../../lib/core/errors.ts";

/** A file's text. Throws a usage error when it cannot be read. */
export function readInput(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === "ENOENT" ? `there is no file ${file}` : `${file} cannot be read: ${message}`;
    throw new GoaroundError("usage", "operator", reason, { cause: error });
  }
}

/** Writes a file that is not there yet, or any with `replace`. Throws `refused` or a usage error otherwise. */
export function writeOutput(file: string, text: string, replace: boolean): void {
  try {
    writeFileSync(file, text, { flag: replace ? "w" : "wx" });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") {
      throw new GoaroundError("refused", "operator", `${file} is there already; it was left as it is`, {
        advice: "Name another file, or replace it with --force.",
        cause: error,
      });
    }
    throw new GoaroundError("usage", "operator", `${file} cannot be written: ${message}`, { cause: error });
  }
}
