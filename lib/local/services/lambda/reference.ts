import type { World } from "../../kernel/service.ts";
import { invalidParameter, notFound, validation } from "./errors.ts";

/** A function and, where the caller gave one, a version number, alias name or `$LATEST`. */
export interface FunctionReference {
  name: string;
  qualifier: string | undefined;
}

const PATTERN =
  /^(?:arn:aws[a-zA-Z-]*:lambda:([a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?(?:(\d{12}):)?(?:function:)?([a-zA-Z0-9-_]+)(?::(\$LATEST|[a-zA-Z0-9-_]+))?$/;
const PATTERN_TEXT =
  "(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?";

/** Reads what Lambda accepts as FunctionName: a name, a partial or full ARN, each with or without `:qualifier`. */
export function parseReference(
  world: Pick<World, "region">,
  functionName: string | undefined,
  qualifier?: string,
): FunctionReference {
  const match = PATTERN.exec(functionName ?? "");
  if (!match) {
    throw validation(
      `Value '${functionName}' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: ${PATTERN_TEXT}`,
    );
  }
  const [, region, , name = "", derived] = match;
  if (region !== undefined && region !== world.region) {
    throw notFound(`Functions from '${region}' are not reachable in this region ('${world.region}')`);
  }
  if (derived !== undefined && qualifier !== undefined && derived !== qualifier) {
    throw invalidParameter("The derived qualifier from the function name does not match the specified qualifier.");
  }
  return { name, qualifier: qualifier ?? derived };
}

export const isVersion = (qualifier: string) => /^\d+$/.test(qualifier);
export const isAlias = (qualifier: string | undefined): qualifier is string =>
  qualifier !== undefined && qualifier !== "$LATEST" && !isVersion(qualifier);
