import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";

/** The published hook that load times are compared with. It is no dependency of the project. */
export const REFERENCE = { package: "@seek/aws-codedeploy-infra", version: "4.0.3" } as const;
const HOOK = "lib/assets/handlers/index.js";

export type Reference = { hook: string } | { missing: string };

/**
 * The reference's hook: from `path` (its index.js, or the unpacked package), else fetched with `npm pack` into `scratch`,
 * outside the project. Its SDK stays outside its bundle, as in Lambda; it is resolved to the versions that this project's
 * bundles hold, so that both load the same SDK.
 */
export function findReference(path: string | undefined, scratch: string): Reference {
  if (path !== undefined) {
    const hook = [path, join(path, HOOK), join(path, "package", HOOK)].find(
      (candidate) => candidate.endsWith(".js") && existsSync(candidate),
    );
    return hook ? { hook: resolve(hook) } : { missing: `there is no ${HOOK} at ${path}` };
  }
  try {
    execFileSync("npm", ["pack", `${REFERENCE.package}@${REFERENCE.version}`, "--silent"], {
      cwd: scratch,
      stdio: "pipe",
    });
    const archive = readdirSync(scratch).find((name) => name.endsWith(".tgz")) ?? "";
    execFileSync("tar", ["-xzf", archive], { cwd: scratch, stdio: "pipe" });
    return { hook: join(scratch, "package", HOOK) };
  } catch (error) {
    return {
      missing:
        `${REFERENCE.package} ${REFERENCE.version} could not be fetched (${String((error as Error).message).split("\n")[0]}); ` +
        "give its unpacked folder with --reference",
    };
  }
}
