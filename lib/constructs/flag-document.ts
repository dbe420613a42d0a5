/** Flags as code defines them, and the AWS.AppConfig.FeatureFlags document made of them. */

type Constraint =
  | {
      readonly type: "string";
      readonly required?: boolean;
      readonly enum?: readonly string[];
      readonly pattern?: string;
    }
  | { readonly type: "number"; readonly required?: boolean; readonly minimum?: number; readonly maximum?: number }
  | { readonly type: "boolean"; readonly required?: boolean };

export interface FlagAttribute {
  readonly description?: string;
  /** AppConfig refuses every later value that breaks it, whoever writes it. */
  readonly constraint: Constraint;
  readonly value: string | number | boolean;
}

export interface FlagDefinition {
  readonly description: string;
  /** The first value. Run time owns it from then on. Default false. */
  readonly enabled?: boolean;
  readonly attributes?: Readonly<Record<string, FlagAttribute>>;
}

export type FlagDefinitions = Readonly<Record<string, FlagDefinition>>;

/** AppConfig: keys of flags and attributes (user guide, type reference of AWS.AppConfig.FeatureFlags, 2026). */
const KEY = /^[a-z][a-zA-Z\d_-]{0,63}$/;
const MAX_DESCRIPTION = 1024;
const MAX_ATTRIBUTES = 25;

/** Every problem of the definitions, by path. */
export function flagProblems(flags: FlagDefinitions): string[] {
  const problems: string[] = [];
  if (Object.keys(flags).length === 0)
    problems.push("flags: there is none; a profile without flags cannot be deployed");
  for (const [key, flag] of Object.entries(flags)) {
    const attributes = Object.entries(flag.attributes ?? {});
    if (!KEY.test(key))
      problems.push(`flags.${key}: a key is a lower-case letter, then at most 63 letters, digits, _ or -`);
    if (flag.description.length > MAX_DESCRIPTION) {
      problems.push(`flags.${key}.description: has ${flag.description.length} characters; at most ${MAX_DESCRIPTION}`);
    }
    if (attributes.length > MAX_ATTRIBUTES) {
      problems.push(`flags.${key}.attributes: there are ${attributes.length}; AppConfig allows ${MAX_ATTRIBUTES}`);
    }
    for (const [name, attribute] of attributes) {
      const path = `flags.${key}.attributes.${name}`;
      if (!KEY.test(name) || name === "enabled") problems.push(`${path}: is no attribute key`);
      const problem = valueProblem(attribute);
      if (problem) problems.push(`${path}: ${problem}`);
    }
  }
  return problems;
}

function valueProblem({ constraint, value }: FlagAttribute): string | undefined {
  const shown = JSON.stringify(value);
  if (typeof value !== constraint.type) return `${shown} is no ${constraint.type}`;
  if (constraint.type === "string") {
    if (constraint.enum && constraint.pattern !== undefined) return "has both enum and pattern; AppConfig allows one";
    if (constraint.enum && !constraint.enum.includes(value as string)) {
      return `${shown} is none of ${constraint.enum.join(", ")}`;
    }
    if (constraint.pattern !== undefined && !new RegExp(constraint.pattern).test(value as string)) {
      return `${shown} does not match ${constraint.pattern}`;
    }
  }
  if (constraint.type === "number") {
    const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = constraint;
    if ((value as number) < minimum || (value as number) > maximum) return `${shown} is not ${minimum} to ${maximum}`;
    if ([constraint.minimum, constraint.maximum].some((limit) => limit !== undefined && !Number.isInteger(limit))) {
      return "minimum and maximum must be whole numbers (schema of AWS.AppConfig.FeatureFlags)";
    }
  }
  return undefined;
}

/** The stored document. Keys are sorted, so that the order in the code makes no new version. */
export function flagDocument(flags: FlagDefinitions): Record<string, unknown> {
  const sorted = Object.entries(flags).sort(([a], [b]) => (a < b ? -1 : 1));
  const attributesOf = (flag: FlagDefinition) => Object.entries(flag.attributes ?? {});
  return {
    version: "1",
    flags: Object.fromEntries(
      sorted.map(([key, flag]) => [
        key,
        {
          name: key,
          description: flag.description,
          ...(attributesOf(flag).length === 0
            ? {}
            : {
                attributes: Object.fromEntries(
                  attributesOf(flag).map(([name, { constraint, description }]) => [
                    name,
                    { ...(description === undefined ? {} : { description }), constraints: constraint },
                  ]),
                ),
              }),
        },
      ]),
    ),
    values: Object.fromEntries(
      sorted.map(([key, flag]) => [
        key,
        {
          enabled: flag.enabled ?? false,
          ...Object.fromEntries(attributesOf(flag).map(([name, { value }]) => [name, value])),
        },
      ]),
    ),
  };
}
