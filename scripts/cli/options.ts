import { type Command, InvalidArgumentError, Option } from "commander";
import { DEFAULT_ALIAS, ENV } from "../../lib/contract/names.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import { isAttendedId } from "../../lib/core/release/attended.ts";
import { suggest } from "../../lib/core/suggest.ts";

/** Options that every action takes. */
export interface CommonOptions {
  json: boolean;
  dryRun: boolean;
  yes: boolean;
  verbose: boolean;
  environment?: string;
  profile?: string;
  region?: string;
  endpointUrl?: string;
  reason?: string;
  pollSeconds?: number;
}

export const DEFAULT_ENVIRONMENT = "dev";
export const DEFAULT_REASON = "manual-rollback";

export function addCommonOptions(command: Command): Command {
  return command
    .option("--environment <name>", `Goaround environment (default: ${ENV.environment}, else "${DEFAULT_ENVIRONMENT}")`)
    .option("--profile <name>", "AWS profile")
    .option("--region <name>", "AWS region (default: from the profile or AWS_REGION)")
    .option("--endpoint-url <url>", "one endpoint for all services, such as the local AWS", parseUrl)
    .option("--reason <text>", "why, for the ledger, the descriptions and the audit trail", parseText)
    .option("--json", "print one JSON document on stdout, failures included", false)
    .option("--dry-run", "look and say what would be done, change nothing", false)
    .option("--yes", "do not ask, even on a terminal", false)
    .option("--verbose", "tell more on stderr", false)
    .addOption(
      new Option("--poll-seconds <seconds>", "seconds between looks (default: 1, growing to 5)").argParser((text) =>
        parseNumber(text, 0.01, 60),
      ),
    );
}

export const aliasOption = () =>
  new Option("--alias <name>", `alias of the function (default: "${DEFAULT_ALIAS}")`).argParser(parseAlias);

/** Where flags live; both ids may come from the environment. */
export function addFlagPlaceOptions(command: Command): Command {
  return command
    .option("--application-id <id or name>", "AppConfig application (default: APPCONFIG_APPLICATION_ID)", parseText)
    .option("--environment-id <id or name>", "AppConfig environment (default: APPCONFIG_ENVIRONMENT_ID)", parseText)
    .option("--profile-id <id or name>", "AppConfig configuration profile", parseText);
}

export function fillFlagPlace(command: Command, env: Readonly<Record<string, string | undefined>>): void {
  for (const [name, variable] of [
    ["applicationId", "APPCONFIG_APPLICATION_ID"],
    ["environmentId", "APPCONFIG_ENVIRONMENT_ID"],
  ] as const) {
    const value = env[variable];
    if (command.getOptionValue(name) === undefined && value) command.setOptionValueWithSource(name, value, "env");
  }
}

/** `--flags A B`, `--flags A,B` and repeated `--flags` all mean the same. */
export function collectNames(text: string, before: string[] | undefined): string[] {
  return [...(before ?? []), ...text.split(",").filter((name) => name !== "")];
}

export function parseText(text: string): string {
  if (text.trim() === "") throw new InvalidArgumentError("must not be empty.");
  return text.trim();
}

function parseUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new InvalidArgumentError("must be an http or https URL.");
  }
  return text;
}

function parseAlias(text: string): string {
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(text) || /^\d+$/.test(text)) {
    throw new InvalidArgumentError("must be an alias name: letters, digits, - and _, not digits only.");
  }
  return text;
}

/** A published version: `$LATEST` can change under a release and is never a target. */
export function parseVersion(text: string): string {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError("must be the number of a published version.");
  return text;
}

export function parseDeploymentId(text: string): string {
  if (isAttendedId(text)) {
    throw new InvalidArgumentError(
      "is a staged release without a deployment: rollback-function ends it, the same deploy --stages goes on with it.",
    );
  }
  if (!/^d-[A-Za-z0-9-]{1,64}$/.test(text)) throw new InvalidArgumentError("must look like d-ABCDEF123.");
  return text;
}

export function parseNumber(text: string, min: number, max: number): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < min || value > max) {
    throw new InvalidArgumentError(`must be a number from ${min} to ${max}.`);
  }
  return value;
}

export function parseInteger(text: string, min: number, max: number): number {
  const value = parseNumber(text, min, max);
  if (!Number.isInteger(value)) throw new InvalidArgumentError(`must be a whole number from ${min} to ${max}.`);
  return value;
}

export function parseBoolean(text: string): boolean {
  if (text !== "true" && text !== "false") throw new InvalidArgumentError('must be "true" or "false".');
  return text === "true";
}

/** Which options an action needs and which it may have, by their names in code; common options go with every action. */
export interface ActionForm {
  /** For the list of actions. */
  summary?: string;
  required: readonly string[];
  optional: readonly string[];
}

const flagOf = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
const COMMON = new Set(
  "environment profile region endpointUrl reason json dryRun yes verbose pollSeconds action".split(" "),
);

/** Throws a usage error that lists the actions when none is given. */
export function requireAction(action: string | undefined, forms: Readonly<Record<string, ActionForm>>): string {
  if (action !== undefined) return action;
  const width = Math.max(...Object.keys(forms).map((name) => name.length));
  const lines = Object.entries(forms).map(([name, { summary = "" }]) =>
    `  ${name.padEnd(width)}  ${summary}`.trimEnd(),
  );
  throw new GoaroundError("usage", "operator", "name what to do with --action", {
    advice: `one of these, and --help for their options\n${lines.join("\n")}`,
  });
}

/** Throws one usage error that lists everything that is wrong with an action's options. */
export function checkForm(action: string, forms: Readonly<Record<string, ActionForm>>, given: Command): void {
  const form = forms[action];
  if (!form) {
    const near = suggest(action, Object.keys(forms));
    throw new GoaroundError("usage", "operator", `there is no action "${action}"`, {
      advice: `${near ? `Did you mean ${near}? ` : ""}Actions: ${Object.keys(forms).join(", ")}.`,
    });
  }
  const present = Object.keys(given.opts()).filter((name) => given.getOptionValueSource(name) === "cli");
  const missing = form.required.filter((name) => given.getOptionValue(name) === undefined);
  const allowed = new Set([...COMMON, ...form.required, ...form.optional]);
  const foreign = present.filter((name) => !allowed.has(name));
  const problems = [
    ...(missing.length > 0 ? [`it needs ${missing.map(flagOf).join(", ")}`] : []),
    ...(foreign.length > 0 ? [`it does not take ${foreign.map(flagOf).join(", ")}`] : []),
  ];
  if (problems.length > 0) {
    throw new GoaroundError("usage", "operator", `action ${action}: ${problems.join("; ")}`, {
      advice: `Form: --action ${action} ${form.required.map((name) => `${flagOf(name)} …`).join(" ")}; see --help.`,
    });
  }
}
