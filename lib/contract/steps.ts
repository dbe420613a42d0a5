import * as z from "./zod.ts";

/** Beside smoke tests and past events, in a hook of five minutes. */
const MAX_BEFORE_SECONDS = 120;
/** With all compensations, in a responder of ten. */
const MAX_AFTER_SECONDS = 240;

/** A function of this account and region, with an alias or version where it is to be one. */
const functionReference = z
  .string()
  .check(z.regex(/^[A-Za-z0-9_-]{1,64}(?::[A-Za-z0-9_-]{1,128})?$/, "is not the name of a function, or name:alias"));

const planStep = z.strictObject({
  name: z.string().check(z.regex(/^[A-Za-z\d][\w.-]{0,63}$/, "is not a name")),
  function: functionReference,
  /** Takes it back when the release does not stay. Left out: nothing does, and a person lets the step through by name. */
  compensation: z.optional(functionReference),
  /** For the step, and for its compensation. */
  timeoutSeconds: z._default(z.int().check(z.minimum(1), z.maximum(MAX_BEFORE_SECONDS)), 30),
});

const stepsObject = z.strictObject({
  /** Once the release is admitted, before the new version is invoked for the first time. */
  before: z._default(z.array(planStep).check(z.maxLength(5)), []),
  /** Once the release has succeeded, its bake included. */
  after: z._default(z.array(planStep).check(z.maxLength(5)), []),
});

/** What the team's own functions do around a release, such as a database migration. */
export const steps = stepsObject.check(
  z.check<z.output<typeof stepsObject>>(({ value, issues }) => {
    const { before, after } = value;
    const names = [...before, ...after].map(({ name }) => name);
    const say = (message: string) => issues.push({ code: "custom", message, input: value });
    for (const name of new Set(names.filter((name, i) => names.indexOf(name) !== i))) say(`names ${name} twice`);
    const seconds = (list: readonly PlanStep[]) => list.reduce((sum, { timeoutSeconds }) => sum + timeoutSeconds, 0);
    if (seconds(before) > MAX_BEFORE_SECONDS) {
      say(`the steps before take up to ${seconds(before)} s; the hook has ${MAX_BEFORE_SECONDS} for them`);
    }
    if (seconds(after) > MAX_AFTER_SECONDS) {
      say(`the steps after take up to ${seconds(after)} s; the responder has ${MAX_AFTER_SECONDS} for them`);
    }
  }),
);

export type PlanStep = z.output<typeof planStep>;
