/** Reference paths and payload templates of the Amazon States Language, without filters, ranges and intrinsic functions. */

const STEP = /\.([A-Za-z_][A-Za-z0-9_-]*)|\[(\d+)\]|\['([^']+)'\]/y;

/** `$`, `$.a.b`, `$.a[0]`, `$['a']`, and `$$…` into the context object; undefined for other syntax. */
export function pathSteps(path: string): string[] | undefined {
  const start = path.startsWith("$$") ? 2 : path.startsWith("$") ? 1 : undefined;
  if (start === undefined) return undefined;
  const steps: string[] = [];
  STEP.lastIndex = start;
  while (STEP.lastIndex < path.length) {
    const match = STEP.exec(path);
    if (!match) return undefined;
    steps.push(match[1] ?? match[2] ?? match[3] ?? "");
  }
  return steps;
}

/** What a path can look at: the state's data as `$`, the context object as `$$`. */
export interface Scope {
  data: unknown;
  context: unknown;
}

/** A path that leads nowhere. */
export class PathMissing extends Error {
  readonly path: string;

  constructor(path: string) {
    super(`The JSONPath '${path}' could not be found in the input`);
    this.path = path;
  }
}

/** Undefined when the path leads nowhere. */
export function lookUp(path: string, scope: Scope): unknown {
  let value = path.startsWith("$$") ? scope.context : scope.data;
  for (const step of pathSteps(path) ?? []) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}

/** Throws PathMissing when the path leads nowhere. */
export function valueAt(path: string, scope: Scope): unknown {
  const value = lookUp(path, scope);
  if (value === undefined) throw new PathMissing(path);
  return value;
}

/** A path of null selects nothing: an empty object. */
export const select = (path: string | null, scope: Scope) => (path === null ? {} : valueAt(path, scope));

/** Fills a payload template: members `name.$` become `name` with the value at their path. */
export function fillTemplate(template: unknown, scope: Scope): unknown {
  if (Array.isArray(template)) return template.map((element) => fillTemplate(element, scope));
  if (typeof template !== "object" || template === null) return template;
  return Object.fromEntries(
    Object.entries(template).map(([key, value]) =>
      key.endsWith(".$") ? [key.slice(0, -2), valueAt(String(value), scope)] : [key, fillTemplate(value, scope)],
    ),
  );
}

/** Puts a result into the input at a reference path, making the objects on the way; null throws the result away. */
export function insert(path: string | null, input: unknown, result: unknown): unknown {
  if (path === null) return input;
  const [first, ...rest] = pathSteps(path) ?? [];
  if (first === undefined) return result;
  const object = typeof input === "object" && input !== null && !Array.isArray(input) ? input : {};
  const inner = (object as Record<string, unknown>)[first];
  return { ...object, [first]: insert(`$${rest.map((step) => `['${step}']`).join("")}`, inner, result) };
}
