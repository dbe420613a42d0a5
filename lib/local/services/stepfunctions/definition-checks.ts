import { pathSteps } from "./paths.ts";

export type Fields = Record<string, unknown>;

export const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Checks of single fields of a definition; collects what is wrong, with its place. */
export class DefinitionChecks {
  readonly problems: string[] = [];

  /** An input or output path: `$` by default, null for nothing. */
  path(value: unknown, at: string): string | null {
    if (value === undefined) return "$";
    if (value === null) return null;
    if (typeof value === "string" && pathSteps(value)) return value;
    if (typeof value === "string" && /^(States\.|\$)/.test(value)) this.unsupported(`path ${value}`, at);
    else this.schema("Value is not a valid JSONPath", at);
    return "$";
  }

  /** A place for a result: a path into the data, not into the context object. */
  place(value: unknown, at: string): string | null {
    const path = this.path(value, at);
    if (path?.startsWith("$$")) this.schema("Value is not a Reference Path", at);
    return path;
  }

  template(value: unknown, at: string): void {
    if (Array.isArray(value)) for (const [i, element] of value.entries()) this.template(element, `${at}[${i}]`);
    else if (isObject(value)) {
      for (const [key, inner] of Object.entries(value)) {
        if (key.endsWith(".$")) this.path(inner ?? "", `${at}/${key}`);
        else this.template(inner, `${at}/${key}`);
      }
    }
  }

  list(value: unknown, at: string): Fields[] {
    if (value === undefined) return [];
    if (Array.isArray(value) && value.length > 0 && value.every(isObject)) return value;
    this.schema("Value must be a list of objects", at);
    return [];
  }

  whole(value: unknown, at: string, minimum: number): number | undefined {
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isInteger(value) && value >= minimum && value <= 99_999_999) return value;
    this.schema(`Value must be a whole number from ${minimum} to 99999999`, at);
    return undefined;
  }

  optionalText(value: unknown): string | undefined {
    return value === undefined ? undefined : String(value);
  }

  only(object: Fields, known: readonly string[], at: string): void {
    for (const name of Object.keys(object)) {
      if (!known.includes(name)) this.unsupported(`field ${name}`, `${at}/${name}`);
    }
  }

  schema(message: string, at: string): void {
    this.problems.push(`SCHEMA_VALIDATION_FAILED: ${message} at ${at}`);
  }

  unsupported(what: string, at: string): undefined {
    this.problems.push(`NOT_IMPLEMENTED: the local AWS does not implement ${what} at ${at}`);
  }
}
