import { AwsError } from "../../kernel/errors.ts";

/** What the service demands of one member of a request, from its model (2026). Texts as recorded, 2022 to 2024. */
export interface Constraint {
  minLength?: number;
  maxLength?: number;
  min?: number;
  max?: number;
  /** Anchored; the text shows it without anchors, as the service does. */
  pattern?: string;
  /** In the order in which the service lists them. */
  oneOf?: readonly string[];
}

export const FUNCTION_NAME_PATTERN = (dots: boolean) =>
  `(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_${dots ? "\\." : ""}]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?`;

const ARCHITECTURES = ["x86_64", "arm64"];

/** By the member's path as the service prints it. */
const CONSTRAINTS: Record<string, Constraint> = {
  description: { maxLength: 256 },
  "ephemeralStorage.size": { min: 512, max: 10_240 },
  functionVersion: { minLength: 1, maxLength: 1024, pattern: "(\\$LATEST|[0-9]+)" },
  handler: { maxLength: 128, pattern: "[^\\s]+" },
  invocationType: { oneOf: ["Event", "RequestResponse", "DryRun"] },
  "loggingConfig.logFormat": { oneOf: ["JSON", "Text"] },
  logType: { oneOf: ["None", "Tail"] },
  maxItems: { min: 1, max: 10_000 },
  memorySize: { min: 128, max: 10_240 },
  name: { minLength: 1, maxLength: 128, pattern: "(?!^[0-9]+$)([a-zA-Z0-9-_]+)" },
  packageType: { oneOf: ["Image", "Zip"] },
  qualifier: { maxLength: 128, pattern: "(|[a-zA-Z0-9$_-]+)" },
  role: { pattern: "arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+" },
  statementId: { minLength: 1, maxLength: 100, pattern: "([a-zA-Z0-9-_]+)" },
  timeout: { min: 1, max: 900 },
  "tracingConfig.mode": { oneOf: ["Active", "PassThrough"] },
};

type Checked = string | number | undefined;

/** Throws one ValidationException that names every member that breaks its constraint. */
export function check(members: Record<string, Checked>, others: readonly string[] = []): void {
  const problems = Object.entries(members).flatMap(([path, value]) =>
    value === undefined ? [] : broken(path, value, CONSTRAINTS[path] ?? {}),
  );
  refuse([...problems, ...others]);
}

export function refuse(problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new AwsError("ValidationException", heading(problems));
}

export const heading = (problems: readonly string[]) =>
  `${problems.length} validation error${problems.length === 1 ? "" : "s"} detected: ${problems.join("; ")}`;

/** The clauses of all constraints that a value breaks. */
export function broken(path: string, value: string | number, constraint: Constraint): string[] {
  const problems: string[] = [];
  const size = typeof value === "string" ? value.length : Number.NaN;
  const { minLength, maxLength, min, max, pattern, oneOf } = constraint;
  if (maxLength !== undefined && size > maxLength) problems.push(`have length less than or equal to ${maxLength}`);
  if (minLength !== undefined && size < minLength) problems.push(`have length greater than or equal to ${minLength}`);
  if (max !== undefined && Number(value) > max) problems.push(`have value less than or equal to ${max}`);
  if (min !== undefined && Number(value) < min) problems.push(`have value greater than or equal to ${min}`);
  if (pattern !== undefined && !new RegExp(`^(?:${pattern})$`).test(String(value))) {
    problems.push(`satisfy regular expression pattern: ${pattern}`);
  }
  if (oneOf && !oneOf.includes(String(value))) problems.push(`satisfy enum value set: [${oneOf.join(", ")}]`);
  return problems.map(
    (problem) => `Value '${value}' at '${path}' failed to satisfy constraint: Member must ${problem}`,
  );
}

export function brokenArchitectures(architectures: readonly string[] | undefined): string[] {
  if (!architectures) return [];
  const clause = (problem: string) =>
    `Value '[${architectures.join(", ")}]' at 'architectures' failed to satisfy constraint: ${problem}`;
  return [
    ...(architectures.length > 1 ? [clause("Member must have length less than or equal to 1")] : []),
    ...(architectures.length < 1 ? [clause("Member must have length greater than or equal to 1")] : []),
    ...(architectures.some((one) => !ARCHITECTURES.includes(one))
      ? [
          clause(
            `Member must satisfy constraint: [Member must satisfy enum value set: [${ARCHITECTURES.join(", ")}], Member must not be null]`,
          ),
        ]
      : []),
  ];
}

/** The variables' values are secret, so the text shows none of them. */
export function brokenVariables(variables: Record<string, string> | undefined): string[] {
  if (Object.keys(variables ?? {}).every((name) => /^[a-zA-Z]([a-zA-Z0-9_])+$/.test(name))) return [];
  return [
    "Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+, Member must not be null]",
  ];
}

const TAGGABLE =
  "arn:(aws[a-zA-Z-]*):lambda:[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:(function:[a-zA-Z0-9-_]+(:(\\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})";

export const checkTaggable = (arn: string) => refuse(broken("resource", arn, { pattern: TAGGABLE }));
