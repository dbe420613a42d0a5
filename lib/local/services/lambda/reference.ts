import { AwsError } from "../../kernel/errors.ts";
import type { World } from "../../kernel/service.ts";
import { broken, FUNCTION_NAME_PATTERN, heading, refuse } from "./constraints.ts";
import { invalidParameter, notFound } from "./errors.ts";

/** A function and, where the caller gave one, a version number, alias name or `$LATEST`. */
export interface FunctionReference {
  name: string;
  qualifier: string | undefined;
}

const PARTS =
  /^(?:arn:aws[a-zA-Z-]*:lambda:)?(?:([a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?(?:(\d{12}):)?(?:function:)?([a-zA-Z0-9-_.]+)(?::(\$LATEST|[a-zA-Z0-9-_]+))?$/;

/** Operations whose limits on the name differ from the rest (recorded 2024; limits from the service's model). */
export type NamedFor = "CreateFunction" | "DeleteFunction" | "GetFunction" | "Invoke";

/** Reads what Lambda accepts as FunctionName: a name, a partial or full ARN, each with or without `:qualifier`. */
export function parseReference(
  world: Pick<World, "region" | "accountId">,
  functionName: string | undefined,
  qualifier?: string,
  operation?: NamedFor,
): FunctionReference {
  const given = functionName ?? "";
  const match = PARTS.exec(given);
  const [, region, account, name = "", derived] = match ?? [];
  const bare = name === given && match !== null;
  if (account !== undefined && account !== world.accountId) {
    throw new AwsError("AccessDeniedException", "", { status: 403, members: { message: null } });
  }
  if (region !== undefined && region !== world.region) {
    throw notFound(`Functions from '${region}' are not reachable in this region ('${world.region}')`);
  }
  const short = operation === "CreateFunction" || operation === "DeleteFunction";
  const problems = broken("functionName", given, {
    maxLength: operation === "CreateFunction" && bare ? 64 : short ? 140 : 170,
    pattern: FUNCTION_NAME_PATTERN(operation === "GetFunction" || operation === "Invoke"),
  });
  if (qualifier !== undefined) {
    problems.push(...broken("qualifier", qualifier, { maxLength: 128, pattern: "(|[a-zA-Z0-9$_-]+)" }));
  }
  if (problems.length > 0 && operation === "CreateFunction" && bare) throw invalidParameter(heading(problems));
  refuse(problems);
  if (derived !== undefined && qualifier !== undefined && derived !== qualifier) {
    throw invalidParameter("The derived qualifier from the function name does not match the specified qualifier.");
  }
  return { name, qualifier: qualifier ?? derived };
}

export const isVersion = (qualifier: string) => /^\d+$/.test(qualifier);
export const isAlias = (qualifier: string | undefined): qualifier is string =>
  qualifier !== undefined && qualifier !== "$LATEST" && !isVersion(qualifier);
