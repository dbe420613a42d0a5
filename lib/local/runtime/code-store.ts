import { createHash } from "node:crypto";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import { unzipSync } from "fflate";
import { temporaryFolder } from "./temporary-folder.ts";

/** Unpacks deployment packages into a folder of this process, once per content. */
export class CodeStore {
  private root: { path: string; remove: () => void } | undefined;
  private readonly unpacked = new Map<string, string>();

  /** The folder with the unpacked files of `zip`. Throws when it is not a zip file or reaches outside its folder. */
  taskRoot(zip: Uint8Array): string {
    const digest = createHash("sha256").update(zip).digest("hex").slice(0, 32);
    const known = this.unpacked.get(digest);
    if (known) return known;
    const folder = join(this.ensureRoot(), digest);
    for (const [name, content] of Object.entries(unzipSync(zip))) {
      const path = join(folder, name);
      if (!path.startsWith(folder + sep)) throw new Error(`the zip entry ${name} reaches outside of the package`);
      if (name.endsWith("/")) continue;
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    }
    mkdirSync(folder, { recursive: true });
    this.unpacked.set(digest, folder);
    return folder;
  }

  clear(): void {
    this.root?.remove();
    this.root = undefined;
    this.unpacked.clear();
  }

  private ensureRoot(): string {
    if (!this.root) {
      this.root = temporaryFolder("goaround-code-");
      this.linkSdk(this.root.path);
    }
    return this.root.path;
  }

  /** Lambda's Node.js runtimes carry the AWS SDK; code that does not bundle it finds ours. */
  private linkSdk(root: string): void {
    const client = createRequire(import.meta.url).resolve("@aws-sdk/client-lambda");
    const scope = client.slice(0, client.lastIndexOf(`${sep}client-lambda${sep}`));
    mkdirSync(join(root, "node_modules"), { recursive: true });
    for (const name of ["@aws-sdk", "@smithy"]) {
      const target = join(dirname(scope), name);
      if (existsSync(target)) symlinkSync(target, join(root, "node_modules", name), "dir");
    }
  }
}
