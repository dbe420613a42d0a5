import { GoaroundError } from "../errors.ts";
import { suggest } from "../suggest.ts";

export type Json = Record<string, unknown>;

/** Changes to a stored AWS.AppConfig.FeatureFlags document: only `enabled`; definitions and attributes stay. */
export interface FlagChange {
  /** The same object when nothing changed. */
  document: Record<string, unknown>;
  /** Flags whose value really changed. */
  changed: string[];
  /** Flags that stood so already. */
  unchanged: string[];
  /** Flags that the document does not define. */
  missing: string[];
}

export const asRecord = (value: unknown): Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};

/** Names that a document defines, with what they are set to. A flag without a value counts as off. */
export function flagStates(document: Record<string, unknown>): Record<string, boolean> {
  const values = asRecord(document.values);
  const names = new Set([...Object.keys(asRecord(document.flags)), ...Object.keys(values)]);
  return Object.fromEntries([...names].map((name) => [name, isOn(asRecord(values[name]))]));
}

/** Whether any reader may get the flag as on: a flag with variants is on while any of its variants is. */
const isOn = ({ enabled, _variants: variants }: Record<string, unknown>): boolean =>
  enabled === true || (Array.isArray(variants) && variants.some((variant) => asRecord(variant).enabled === true));

/**
 * Sets flags without touching anything else. Names that the document does not define are left out, or, with `refuse`,
 * nothing is set: throws `flags-missing` listing all of them, each with what was probably meant.
 */
export function setFlags(
  document: Record<string, unknown>,
  wanted: Readonly<Record<string, boolean>>,
  unknown: "refuse" | "leave-out" = "refuse",
): FlagChange {
  const states = flagStates(document);
  const known = Object.keys(wanted).filter((name) => Object.hasOwn(states, name));
  const missing = Object.keys(wanted).filter((name) => !Object.hasOwn(states, name));
  if (missing.length > 0 && unknown === "refuse") throw notDefined(missing, Object.keys(states));
  const changed = known.filter((name) => states[name] !== wanted[name]);
  const unchanged = known.filter((name) => states[name] === wanted[name]);
  if (changed.length === 0) return { document, changed, unchanged, missing };
  const values = asRecord(document.values);
  const set = Object.fromEntries(changed.map((name) => [name, withEnabled(asRecord(values[name]), wanted[name]!)]));
  return { document: { ...document, values: { ...values, ...set } }, changed, unchanged, missing };
}

/** What a kill wants: the named flags off, and nothing on. */
export const allOff = (flags: readonly string[]): Record<string, boolean> =>
  Object.fromEntries(flags.map((flag) => [flag, false]));

function notDefined(missing: readonly string[], defined: readonly string[]): GoaroundError {
  const hints = missing.map((name) => {
    const near = suggest(name, defined);
    return near === undefined ? name : `${name} (did you mean ${near}?)`;
  });
  return new GoaroundError("flags-missing", "operator", `the flag document does not define: ${hints.join(", ")}`, {
    advice: `It defines: ${[...defined].sort().join(", ") || "no flag at all"}. Nothing was changed.`,
  });
}

/**
 * Variants are switched one by one, because each has an `enabled` of its own. `_updatedAt` is AppConfig's: left out of
 * what changed, so that AppConfig sets it.
 */
function withEnabled({ _updatedAt: _, ...value }: Record<string, unknown>, enabled: boolean): Record<string, unknown> {
  const variants = value._variants;
  if (!Array.isArray(variants)) return { ...value, enabled };
  return {
    ...value,
    ...(value.enabled === undefined ? {} : { enabled }),
    _variants: variants.map((variant) => ({ ...asRecord(variant), enabled })),
  };
}

/** Whether two contents say the same: AppConfig's own times and the order of keys aside. */
export const isSameContent = (a: Json, b: Json): boolean => canonical(a) === canonical(b);

/** AppConfig writes the times itself. */
export const withoutTimes = ({ _createdAt: _, _updatedAt: __, ...rest }: Json): Json => rest;

/** The same text for the same content: keys sorted, times left out. Hashes in the ledger are of it: it must stay as it is. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(withoutTimes(value as Json)).filter(([, inner]) => inner !== undefined);
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner)}`)
    .join(",")}}`;
}

/** How each flag differs, by name: whether it is on or off, and otherwise only that it differs. */
export function flagDifferences(before: Json, after: Json): string[] {
  const [old, now] = [flagStates(before), flagStates(after)];
  const part = (document: Json, half: "flags" | "values", name: string) => canonical(asRecord(document[half])[name]);
  return [...new Set([...Object.keys(old), ...Object.keys(now)])].sort().flatMap((name) => {
    if (old[name] === undefined) return `${name} (new)`;
    if (now[name] === undefined) return `${name} (gone)`;
    if (old[name] !== now[name]) return `${name} ${state(old[name])} → ${state(now[name])}`;
    if (part(before, "flags", name) !== part(after, "flags", name)) return `${name} (definition)`;
    return part(before, "values", name) === part(after, "values", name) ? [] : `${name} (attributes)`;
  });
}

const state = (isOn: boolean) => (isOn ? "on" : "off");
