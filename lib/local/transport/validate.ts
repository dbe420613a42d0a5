import type { NormalizedSchema } from "@smithy/core/schema";
import { AwsError } from "../kernel/errors.ts";
import type { RequiredMemberStyle } from "./catalog.ts";
import { type OperationModel, requiredMembers, type ServiceModel, traitsOf } from "./model.ts";

interface Missing {
  /** `metricData.1.member.metricName`, as the services print it. */
  path: string;
  member: string;
}

/** Throws the service's own error when required members are missing; all of them are named together. */
export function requireMembers(model: ServiceModel, operation: OperationModel, input: Record<string, unknown>): void {
  const missing: Missing[] = [];
  collect(operation.input, input, "", missing);
  if (missing.length > 0) throw missingError(model, missing);
}

function collect(schema: NormalizedSchema, value: unknown, path: string, missing: Missing[]): void {
  if (value === undefined || value === null) return;
  if (schema.isListSchema()) {
    const item = schema.getValueSchema();
    for (const [index, one] of (value as unknown[]).entries())
      collect(item, one, `${path}.${index + 1}.member`, missing);
  } else if (schema.isMapSchema()) {
    const item = schema.getValueSchema();
    for (const [key, one] of Object.entries(value as object)) collect(item, one, `${path}.${key}.member`, missing);
  } else if (schema.isStructSchema()) {
    const source = value as Record<string, unknown>;
    const required = new Set(requiredMembers(schema));
    for (const [name, member] of schema.structIterator()) {
      const at = `${path ? `${path}.` : ""}${name[0]?.toLowerCase()}${name.slice(1)}`;
      if (source[name] !== undefined && source[name] !== null) collect(member, source[name], at, missing);
      else if (required.has(name) && !traitsOf(member).idempotencyToken) missing.push({ path: at, member: name });
    }
  }
}

function missingError(model: ServiceModel, missing: readonly Missing[]): AwsError {
  const style: RequiredMemberStyle = model.entry.required;
  const names = missing.map(({ member }) => member);
  if (style === "codedeploy") return codeDeployError(model, names);
  if (style === "sns")
    return new AwsError(
      "InvalidParameter",
      `Invalid parameter: ${names.join(", ")} Reason: no value for required parameter`,
    );
  if (style === "sqs")
    return new AwsError("MissingParameter", `The request must contain the parameter ${names.join(", ")}.`);
  if (style === "s3") return new AwsError("InvalidRequest", `Missing required member: ${names.join(", ")}`);
  const clauses = missing.map(
    ({ path }) => `Value null at '${path}' failed to satisfy constraint: Member must not be null`,
  );
  return new AwsError(style, `${validationHeading(clauses.length)}: ${clauses.join("; ")}`);
}

function validationHeading(count: number): string {
  return `${count} validation error${count === 1 ? "" : "s"} detected`;
}

/** CodeDeploy has one exception per required member, not all named after the member. */
const CODEDEPLOY_SPECIAL: Record<string, string> = {
  serviceRoleArn: "RoleRequiredException",
  revision: "RevisionRequiredException",
};

function codeDeployError(model: ServiceModel, names: readonly string[]): AwsError {
  const name = names[0] ?? "";
  const byName = `${name[0]?.toUpperCase()}${name.slice(1)}RequiredException`;
  const code = CODEDEPLOY_SPECIAL[name] ?? (model.errors.has(byName) ? byName : "InvalidInputException");
  return new AwsError(code, `${names.join(", ")} ${names.length === 1 ? "is" : "are"} required`);
}
