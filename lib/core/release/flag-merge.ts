import {
  allOff,
  asRecord,
  canonical,
  flagStates,
  isSameContent,
  type Json,
  setFlags,
  withoutTimes,
} from "./flag-document.ts";

export interface FlagMerge {
  /** Definitions of the code with the values that run time owns. */
  document: Json;
  /** Not deployed before: they get their first values. */
  added: string[];
  /** Deployed, and not defined by the code any more. */
  removed: string[];
  /** On now, by a decision at run time. */
  keptOn: string[];
  /** Killed and not released: off, whatever else says on. */
  heldOff: string[];
  /** False: what is deployed says the same already. */
  differs: boolean;
}

interface MergeFacts {
  code: Json;
  before?: Json | undefined;
  live: Json | undefined;
  killed: readonly string[];
}

/**
 * What a deploy brings: code owns the definitions and first values, run time owns `enabled`. An attribute keeps its live
 * value until the code gives it another first value than `before`, the definitions of the deploy before this one.
 */
export function mergeFlags(facts: MergeFacts): FlagMerge {
  const { code, live, killed } = facts;
  const defined = Object.keys(asRecord(code.flags));
  const states = flagStates(live ?? {});
  const values = Object.fromEntries(
    defined.map((flag) => [
      flag,
      Object.hasOwn(states, flag) ? mergedValue(facts, flag) : asRecord(asRecord(code.values)[flag]),
    ]),
  );
  const held = killed.filter((flag) => defined.includes(flag));
  const { document } = setFlags({ ...code, values }, allOff(held));
  const kept = flagStates(document);
  return {
    document,
    added: defined.filter((flag) => !Object.hasOwn(states, flag)),
    removed: Object.keys(states).filter((flag) => !defined.includes(flag)),
    keptOn: defined.filter((flag) => Object.hasOwn(states, flag) && kept[flag]),
    heldOff: held,
    differs: live === undefined || !isSameContent(document, live),
  };
}

function mergedValue({ code, before, live }: MergeFacts, flag: string): Json {
  const now = withoutTimes(asRecord(asRecord(live?.values)[flag]));
  const first = asRecord(asRecord(code.values)[flag]);
  const firstBefore = asRecord(asRecord(before?.values)[flag]);
  const isCodes = (name: string) =>
    typeof now[name] !== typeof first[name] ||
    (before !== undefined && canonical(firstBefore[name]) !== canonical(first[name]));
  const attributes = Object.keys(first).filter((name) => name !== "enabled");
  const variants = now._variants;
  return {
    // A flag with variants may have no `enabled` of its own.
    ...(now.enabled === undefined && variants !== undefined ? {} : { enabled: now.enabled === true }),
    ...Object.fromEntries(attributes.map((name) => [name, isCodes(name) ? first[name] : now[name]])),
    ...(variants === undefined ? {} : { _variants: variants }),
  };
}

/** Flags of a document that are on although they were killed. */
export const killedButOn = (document: Json, killed: readonly string[]): string[] => {
  const states = flagStates(document);
  return killed.filter((flag) => states[flag]);
};

/** Whether no reader can get any flag as on: nothing may hold such a content up. */
export const isAllOff = (document: Json): boolean => Object.values(flagStates(document)).every((on) => !on);
