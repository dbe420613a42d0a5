import type { Reason } from "./types.ts";

/** A reason that is a fact and not a measurement; `figures` where it has some after all. */
export const fact = (code: string, message: string, figures: Partial<Reason> = {}): Reason => ({
  code,
  message,
  observed: null,
  limit: null,
  baseline: null,
  samples: 0,
  ...figures,
});
