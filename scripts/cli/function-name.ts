import { InvalidArgumentError } from "commander";
import { GoaroundError } from "../../lib/core/errors.ts";
import type { Session } from "./session.ts";

/**
 * A function as it was typed. Records, policies and deployments know it by its name alone, so that no action takes this:
 * `ownFunction` makes the name of it.
 */
export interface FunctionReference {
  name: string;
  /** Where an ARN says that it is; undefined: where the command acts. */
  accountId: string | undefined;
  region: string | undefined;
}

/** A name, an ARN or a partial ARN, with or without qualifier (Lambda API reference, "GetFunction", 2026). */
const REFERENCE =
  /^(?:arn:aws[a-z-]*:lambda:(?<region>[a-z0-9-]+):(?<account>\d{12}):function:|(?<partial>\d{12}):function:)?(?<name>[A-Za-z0-9_-]{1,64})(?::(?<qualifier>.+))?$/;

/** For every option and argument that names a function: two spellings of one function would be two to whoever compares. */
export function parseFunctionName(text: string): FunctionReference {
  const { region, account, partial, name, qualifier } = REFERENCE.exec(text.trim())?.groups ?? {};
  if (name === undefined) throw new InvalidArgumentError("must be the name or the ARN of a function.");
  if (qualifier !== undefined) {
    throw new InvalidArgumentError(
      `has the qualifier "${qualifier}"; give the function alone (${name}), and its alias with --alias.`,
    );
  }
  return { name, accountId: account ?? partial, region };
}

/** `--functions A B`, `--functions A,B` and repeated `--functions` all mean the same. */
export const collectFunctions = (text: string, before: FunctionReference[] | undefined): FunctionReference[] => [
  ...(before ?? []),
  ...text
    .split(",")
    .filter((part) => part.trim() !== "")
    .map(parseFunctionName),
];

/** The function's name. Throws wrong-identity for an ARN of another account or region than the command acts in. */
export async function ownFunction(session: Session, reference: FunctionReference): Promise<string> {
  const { name, accountId, region } = reference;
  if (accountId === undefined) return name;
  const own = await session.ports.discovery.identity();
  if (accountId === own.accountId && (region ?? own.region) === own.region) return name;
  throw new GoaroundError(
    "wrong-identity",
    "operator",
    `function ${name} is in account ${accountId}${region ? `, region ${region}` : ""}; this is account ${own.accountId}, region ${own.region}`,
    { advice: "Check --profile and --region, or give the name of the function." },
  );
}

/** The names, each once. */
export async function ownFunctions(session: Session, references: readonly FunctionReference[]): Promise<string[]> {
  const names = new Set<string>();
  for (const reference of references) names.add(await ownFunction(session, reference));
  return [...names];
}
