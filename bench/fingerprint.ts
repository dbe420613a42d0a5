import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";

const ROOT = new URL("../", import.meta.url);

/** Of files, and of all files in folders, by their paths from the root: results of other code are not taken for this one's. */
export function fingerprint(paths: readonly string[]): string {
  const hash = createHash("sha256");
  for (const path of paths.flatMap(filesAt)) hash.update(path).update(readFileSync(new URL(path, ROOT)));
  return hash.digest("hex").slice(0, 12);
}

function filesAt(path: string): string[] {
  const url = new URL(path, ROOT);
  if (!statSync(url).isDirectory()) return [path];
  const found = readdirSync(url, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const root = ROOT.pathname;
  return found.map((entry) => `${entry.parentPath}/${entry.name}`.replace(root, "").replace(/\/+/g, "/")).sort();
}
