/** One place in which two JSON documents differ. */
export interface Change {
  /** `checks.minSamples`, `triggers[leak].expression`, `smokeTests[0].payload` … */
  path: string;
  /** Undefined: it is new. */
  before: unknown;
  /** Undefined: it goes. */
  after: unknown;
}

type Json = Record<string, unknown>;

/** Everything in which `after` differs from `before`, in the order of the documents. The order of keys is no difference. */
export function changesBetween(before: unknown, after: unknown, path = ""): Change[] {
  if (isObject(before) && isObject(after)) return ofKeys(before, after, (key) => (path ? `${path}.${key}` : key));
  if (Array.isArray(before) && Array.isArray(after)) {
    const [old, now] = [byName(before), byName(after)];
    const pathOf = (key: string) => `${path}[${key}]`;
    // Without names on both sides an element is known by its place alone.
    return old && now ? ofKeys(old, now, pathOf) : ofKeys({ ...before }, { ...after }, pathOf);
  }
  return Object.is(before, after) ? [] : [{ path, before, after }];
}

/** `checks.minSamples: 20 → 50`; long values are cut. */
export const describeChange = ({ path, before, after }: Change): string => {
  if (before === undefined) return `${path}: ${shown(after)} (new)`;
  if (after === undefined) return `${path}: ${shown(before)} goes`;
  return `${path || "document"}: ${shown(before)} → ${shown(after)}`;
};

const LONGEST = 60;

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function ofKeys(before: Json, after: Json, pathOf: (key: string) => string): Change[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) => changesBetween(before[key], after[key], pathOf(key)));
}

/** Elements by their names, where each has one of its own; undefined otherwise. */
function byName(elements: readonly unknown[]): Json | undefined {
  const named = elements.flatMap((element) =>
    isObject(element) && typeof element.name === "string" ? [[element.name, element] as const] : [],
  );
  const found = Object.fromEntries(named);
  return Object.keys(found).length === elements.length ? found : undefined;
}
