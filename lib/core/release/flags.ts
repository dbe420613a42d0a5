export interface FlagKill {
  /** The new document; the same object when nothing was on. */
  document: Record<string, unknown>;
  switchedOff: string[];
  alreadyOff: string[];
  /** Not in the document. */
  unknown: string[];
}

/**
 * The deployed document with the named flags off: definitions, attributes and all other flags as they are. Variants are
 * switched off one by one, because each has an `enabled` of its own. Time stamps are AppConfig's: the one of a changed
 * value is left out, so that AppConfig sets it.
 */
export function killDocument(deployed: Record<string, unknown>, flags: readonly string[]): FlagKill {
  const definitions = asObject(deployed.flags);
  const values = asObject(deployed.values);
  const exists = (flag: string) => Object.hasOwn(definitions, flag) || Object.hasOwn(values, flag);
  const wanted = [...new Set(flags)];
  const known = wanted.filter(exists);
  const switchedOff = known.filter((flag) => isOn(values[flag]));
  const kill: FlagKill = {
    document: deployed,
    switchedOff,
    alreadyOff: known.filter((flag) => !switchedOff.includes(flag)),
    unknown: wanted.filter((flag) => !exists(flag)),
  };
  if (switchedOff.length === 0) return kill;
  const off = Object.fromEntries(switchedOff.map((flag) => [flag, switchOff(asObject(values[flag]))]));
  return { ...kill, document: { ...deployed, values: { ...values, ...off } } };
}

/** Whether any reader may get the flag as on. */
function isOn(value: unknown): boolean {
  const { enabled, _variants: variants } = asObject(value);
  return (
    enabled === true || (Array.isArray(variants) && variants.some((variant) => asObject(variant).enabled === true))
  );
}

function switchOff({ _updatedAt: _, ...value }: Record<string, unknown>): Record<string, unknown> {
  const variants = value._variants;
  return {
    ...value,
    ...(Array.isArray(variants) && value.enabled === undefined ? {} : { enabled: false }),
    ...(Array.isArray(variants)
      ? { _variants: variants.map((variant) => ({ ...asObject(variant), enabled: false })) }
      : {}),
  };
}

const asObject = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
