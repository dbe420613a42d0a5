import { GoaroundError } from "../errors.ts";
import { suggest } from "../suggest.ts";

/** Changes to a stored AWS.AppConfig.FeatureFlags document: only `enabled`; definitions and attributes stay. */
export interface FlagChange {
  document: Record<string, unknown>;
  /** Flags whose value really changed. */
  changed: string[];
  /** Flags that stood so already. */
  unchanged: string[];
}

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};

/** Names that a document defines, with what they are set to. A flag without a value counts as off. */
export function flagStates(document: Record<string, unknown>): Record<string, boolean> {
  const values = asRecord(document.values);
  const names = new Set([...Object.keys(asRecord(document.flags)), ...Object.keys(values)]);
  return Object.fromEntries([...names].map((name) => [name, isOn(asRecord(values[name]))]));
}

/** A flag with variants is on while any of its variants is. */
const isOn = (value: Record<string, unknown>): boolean =>
  Array.isArray(value._variants)
    ? value._variants.some((variant) => asRecord(variant).enabled === true)
    : value.enabled === true;

/**
 * Sets flags without touching anything else. Throws `flags-missing` listing every name that the document does not
 * define, each with what was probably meant.
 */
export function setFlags(document: Record<string, unknown>, wanted: Readonly<Record<string, boolean>>): FlagChange {
  const states = flagStates(document);
  const missing = Object.keys(wanted).filter((name) => !Object.hasOwn(states, name));
  if (missing.length > 0) {
    const hints = missing.map((name) => {
      const near = suggest(name, Object.keys(states));
      return near === undefined ? name : `${name} (did you mean ${near}?)`;
    });
    throw new GoaroundError("flags-missing", "operator", `the flag document does not define: ${hints.join(", ")}`, {
      advice: `It defines: ${Object.keys(states).sort().join(", ") || "no flag at all"}. Nothing was changed.`,
    });
  }
  const changed = Object.keys(wanted).filter((name) => states[name] !== wanted[name]);
  const values = { ...asRecord(document.values) };
  for (const name of changed) values[name] = withEnabled(asRecord(values[name]), wanted[name]!);
  return {
    document: { ...document, values },
    changed,
    unchanged: Object.keys(wanted).filter((name) => !changed.includes(name)),
  };
}

/** `_updatedAt` is AppConfig's: left out of what changed, so that AppConfig sets it. */
function withEnabled({ _updatedAt: _, ...value }: Record<string, unknown>, enabled: boolean): Record<string, unknown> {
  if (!Array.isArray(value._variants)) return { ...value, enabled };
  return { ...value, _variants: value._variants.map((variant) => ({ ...asRecord(variant), enabled })) };
}
