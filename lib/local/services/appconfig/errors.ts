import { AwsError } from "../../kernel/errors.ts";

/** Texts marked [recorded] are from public recordings; the others are [inferred]. */
export const badRequest = (message: string, members: Record<string, unknown> = {}) =>
  new AwsError("BadRequestException", message, { status: 400, members });

export const notFound = (what: string) =>
  new AwsError("ResourceNotFoundException", `${what} not found`, {
    status: 404,
    members: { ResourceName: what.replaceAll(" ", "") },
  });

export const conflict = (message: string) => new AwsError("ConflictException", message, { status: 409 });

export const quotaExceeded = (message: string) =>
  new AwsError("ServiceQuotaExceededException", message, { status: 402 });

export interface ConfigurationProblem {
  Constraint: string;
  /** Dotted path in the document. */
  Location: string;
  Reason: string;
  Type: string;
  Value: string;
}

export const invalidConfiguration = (message: string, problems: ConfigurationProblem[]) =>
  badRequest(message, { Reason: "InvalidConfiguration", Details: { InvalidConfiguration: problems } });

/** `1 validation error detected: …` is how the service says that a member is missing or out of range. */
export function requireMembers(input: object, names: readonly string[]): void {
  const given = input as Record<string, unknown>;
  const missing = names.filter((name) => given[name] === undefined || given[name] === null || given[name] === "");
  if (missing.length === 0) return;
  const count = `${missing.length} validation error${missing.length === 1 ? "" : "s"} detected`;
  const each = missing.map(
    (name) =>
      `Value null at '${name.charAt(0).toLowerCase()}${name.slice(1)}' failed to satisfy constraint: Member must not be null`,
  );
  throw badRequest(`${count}: ${each.join("; ")}`);
}

export function checkRange(name: string, value: number | undefined, min: number, max: number, integer = true): void {
  if (value === undefined) return;
  if (value >= min && value <= max && (!integer || Number.isInteger(value))) return;
  throw badRequest(
    `1 validation error detected: Value '${value}' at '${name}' failed to satisfy constraint: ` +
      `Member must be ${integer ? "an integer " : ""}between ${min} and ${max}`,
  );
}

export function checkLength(name: string, value: string | undefined, min: number, max: number): void {
  if (value === undefined || (value.length >= min && value.length <= max)) return;
  throw badRequest(
    `1 validation error detected: Value '${value}' at '${name}' failed to satisfy constraint: ` +
      `Member must have length between ${min} and ${max}`,
  );
}
