import * as z from "./zod.ts";

/** The fixed rules of the judge, by the codes of their reasons. */
export const RULE_CODES = [
  "error-rate",
  "error-ratio",
  "success-rate",
  "absolute-error-rate",
  "average-duration",
  "p99-duration",
  "traffic-share",
  "traffic-low",
] as const;

export type RuleCode = (typeof RULE_CODES)[number];

/** What a policy may change of a rule; what it leaves out is as shipped (docs/configuration.md has the table). */
const settings = z.strictObject({
  /** Percent, milliseconds or a ratio, as the rule's own limit is. */
  limit: z.optional(z.number().check(z.minimum(0), z.maximum(1_000_000))),
  /** How many times the baseline's value. */
  timesBaseline: z.optional(z.number().check(z.minimum(1), z.maximum(1000))),
  /** How long it must last, or how far it looks back. Seconds. */
  forSeconds: z.optional(z.int().check(z.minimum(0), z.maximum(3600))),
  /** Canary requests below which it says nothing. */
  minSamples: z.optional(z.int().check(z.minimum(1), z.maximum(1_000_000))),
  /** False: it is not in force. */
  enabled: z.optional(z.boolean()),
});

export type RuleSettings = z.output<typeof settings>;

export const rules = z.strictObject({
  "error-rate": z.optional(settings),
  "error-ratio": z.optional(settings),
  "success-rate": z.optional(settings),
  "absolute-error-rate": z.optional(settings),
  "average-duration": z.optional(settings),
  "p99-duration": z.optional(settings),
  "traffic-share": z.optional(settings),
  "traffic-low": z.optional(settings),
});
