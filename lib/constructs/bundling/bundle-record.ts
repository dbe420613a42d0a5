import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** From which files a bundle was made, so that the next synthesis need not make it again. */
interface BundleRecord {
  /** Name of the bundle's folder. */
  bundle: string;
  /** Everything that decides what the bundle is. */
  files: string[];
  /** Of the files' contents. */
  digest: string;
}

/** Read by esbuild on the way from a file to the root: what a package is, how TypeScript is meant, what is installed. */
const SETTINGS = ["package.json", "tsconfig.json", join("node_modules", ".package-lock.json")];

/** The folder of an entry's bundle, if nothing that it was made from has changed since. Contents are compared, never times. */
export function recallBundle(entry: string, cacheFolder: string, digests: FileDigests): string | undefined {
  try {
    const record = JSON.parse(readFileSync(recordPath(entry, cacheFolder), "utf8")) as BundleRecord;
    const folder = join(cacheFolder, record.bundle);
    return existsSync(folder) && digests.of(record.files) === record.digest ? folder : undefined;
  } catch {
    // No record, one of another version, or a file that is gone: the bundle is made anew.
    return undefined;
  }
}

/** Records a bundle, unless a file was written while esbuild worked: which text it saw is then not known. */
export function recordBundle(
  bundle: { entry: string; folder: string; inputs: readonly string[]; startedAtMs: number },
  digests: FileDigests,
): void {
  const files = [...new Set([...bundle.inputs, ...settingsAbove(bundle.inputs), ...bundler()])].sort();
  if (files.some((file) => statSync(file).mtimeMs >= bundle.startedAtMs)) return;
  const record: BundleRecord = { bundle: basename(bundle.folder), files, digest: digests.of(files) };
  const path = recordPath(bundle.entry, dirname(bundle.folder));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.${process.pid}`, JSON.stringify(record));
  renameSync(`${path}.${process.pid}`, path);
}

const sha256 = () => createHash("sha256");

const recordPath = (entry: string, cacheFolder: string) =>
  join(cacheFolder, "made-from", `${sha256().update(entry).digest("hex").slice(0, 32)}.json`);

/** Digests of files; each is read once, because handlers share most of theirs. */
export class FileDigests {
  private readonly known = new Map<string, string>();

  /** Throws when a file is gone. */
  of(files: readonly string[]): string {
    const whole = sha256();
    for (const file of files) whole.update(`${file}\n${this.ofFile(file)}\n`);
    return whole.digest("hex");
  }

  private ofFile(file: string): string {
    let digest = this.known.get(file);
    if (digest === undefined) {
      digest = sha256().update(readFileSync(file)).digest("hex");
      this.known.set(file, digest);
    }
    return digest;
  }
}

function settingsAbove(files: readonly string[]): string[] {
  const folders = new Set<string>();
  for (const file of files) {
    for (let folder = dirname(file); !folders.has(folder); folder = dirname(folder)) folders.add(folder);
  }
  return [...folders]
    .flatMap((folder) => SETTINGS.map((name) => join(folder, name)))
    .filter((path) => existsSync(path));
}

/** What bundles: this folder and esbuild. */
function bundler(): string[] {
  const here = dirname(fileURLToPath(import.meta.url));
  const own = readdirSync(here).map((name) => join(here, name));
  return [...own, createRequire(import.meta.url).resolve("esbuild/package.json")];
}
