import * as z from "./zod.ts";

/** SQS takes at most this many in one call; of messages that lie in a queue it hands out some, in no order. */
const MAX_MESSAGES = 10;
const MAX_EVENTS = 10;
/** Beside the smoke tests, in a hook of five minutes. */
const MAX_SECONDS = 120;

/** The name of a recorded event, which is part of its parameter's name. */
export const EVENT_NAME = /^[A-Za-z\d][\w-]{0,63}$/;

const replayObject = z.strictObject({
  /** Recorded events by name; each is a parameter beside the policy's. */
  events: z._default(
    z.array(z.string().check(z.regex(EVENT_NAME, "is not a name"))).check(z.maxLength(MAX_EVENTS)),
    [],
  ),
  /** Queues of this account and region whose messages are read, and left where they are. */
  deadLetters: z._default(
    z
      .array(
        z.strictObject({
          queue: z.string().check(z.regex(/^[\w-]{1,75}(?:\.fifo)?$/, "is not the name of a queue")),
          /**
           * What a body is: the event (a function's dead-letter queue), a record of an invocation with the event in it (an
           * on-failure destination), or a message of the queue that the function reads.
           */
          holds: z.enum(["events", "records", "messages"]),
          most: z._default(z.int().check(z.minimum(1), z.maximum(MAX_MESSAGES)), 5),
        }),
      )
      .check(z.maxLength(2)),
    [],
  ),
  /** JMESPath over the answer to each event; truthy: it was handled. Left out: any answer that is no error. */
  expect: z.optional(z.string().check(z.minLength(1), z.maxLength(1024))),
  /** An answer that takes longer is none. */
  maxDurationMs: z._default(z.int().check(z.minimum(1), z.maximum(60_000)), 10_000),
  /** For all of it; what is left then is not replayed. */
  seconds: z._default(z.int().check(z.minimum(1), z.maximum(MAX_SECONDS)), 60),
  /**
   * A recorded event that the new version handled must be handled after it by the one that serves too, as after a rollback;
   * else that is only told.
   */
  andBack: z._default(z.boolean(), false),
});

/** Events that were there before, asked of the new version and of the one that serves, before any traffic. */
export const replay = replayObject.check(
  z.check<z.output<typeof replayObject>>(({ value, issues }) => {
    const queues = value.deadLetters.map(({ queue }) => queue);
    const names = [...value.events, ...queues];
    if (names.length === 0) {
      issues.push({ code: "custom", message: "names neither events nor deadLetters", input: value });
    }
    for (const name of new Set(names.filter((name, i) => names.indexOf(name) !== i))) {
      issues.push({ code: "custom", message: `names ${name} twice`, input: value });
    }
  }),
);

export type ReplayPolicy = z.output<typeof replay>;
export type DeadLetterSource = ReplayPolicy["deadLetters"][number];
