import type { DeadLetterSource, ReplayPolicy } from "../../contract/replay.ts";
import { fact } from "../judge/reason.ts";
import type { Reason } from "../judge/types.ts";
import type { DeadLetter } from "../ports.ts";
import type { Refusal } from "./admission.ts";
import { ask, type Shortfall, type SmokeContext } from "./smoke.ts";

/** Something that was asked of a version before, and is asked again. */
export interface PastEvent {
  /** How it is told: never by what it holds, which may be about people. */
  name: string;
  isRecorded: boolean;
  payload: unknown;
  /** JMESPath; see `ReplayPolicy`. */
  expect: string | undefined;
}

/** What both versions made of an event; undefined: handled it. */
export interface Replayed {
  event: Pick<PastEvent, "name" | "isRecorded">;
  candidate: Shortfall | undefined;
  serving: Shortfall | undefined;
}

/** The event that a recorded one's document is. Throws when it is not JSON. */
export const recordedEvent = (name: string, document: string, { expect }: ReplayPolicy): PastEvent => ({
  name: `recorded event ${name}`,
  isRecorded: true,
  payload: JSON.parse(document) as unknown,
  expect,
});

/** The event in a message; undefined where its body is not what the policy says that the queue holds. */
export function eventOf(
  letter: DeadLetter,
  { queue, holds }: DeadLetterSource,
  { expect }: ReplayPolicy,
): PastEvent | undefined {
  const event = { name: `message ${letter.messageId} of ${queue}`, isRecorded: false };
  if (holds === "messages") return { ...event, payload: { Records: [queueRecord(letter)] }, expect: noneLeft(expect) };
  const body = parsed(letter.body);
  if (body === undefined) return undefined;
  if (holds === "events") return { ...event, payload: body, expect };
  // Lambda developer guide, "invocation record", 2025.
  const payload = (body as { requestPayload?: unknown } | null)?.requestPayload;
  return payload === undefined ? undefined : { ...event, payload, expect };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** As a function gets it from the queue (Lambda developer guide, "using Lambda with Amazon SQS", 2025). */
function queueRecord({ messageId, body, md5OfBody, attributes, messageAttributes }: DeadLetter) {
  const { DeadLetterQueueSourceArn: source = "", ...rest } = attributes;
  return {
    messageId,
    // Nobody can delete the message by it.
    receiptHandle: "replay",
    body,
    attributes: rest,
    messageAttributes: Object.fromEntries(
      Object.entries(messageAttributes).map(([name, { dataType, stringValue, binaryValue }]) => [
        name,
        {
          dataType,
          stringListValues: [],
          binaryListValues: [],
          ...(stringValue === undefined ? {} : { stringValue }),
          ...(binaryValue === undefined ? {} : { binaryValue: base64(binaryValue) }),
        },
      ]),
    ),
    md5OfBody,
    eventSource: "aws:sqs",
    eventSourceARN: source,
    awsRegion: source.split(":")[3] ?? "",
  };
}

const base64 = (bytes: Uint8Array) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

/** A function that reports failed messages one by one ends without an error (Lambda developer guide, 2025). */
const noneLeft = (expect: string | undefined) => {
  const none = "not_null(batchItemFailures, `[]`) == `[]`";
  return expect === undefined ? none : `${none} && (${expect})`;
};

export interface ReplayContext extends Omit<SmokeContext, "version" | "mark"> {
  versions: { candidate: string; serving: string };
  maxDurationMs: number;
}

/**
 * Each event, first of the new version and then of the one that serves: it meets what the new one has left, as after a
 * rollback. `heard` is told of each; what AWS did not let be asked, it is not told of. Rejects when the signal fires.
 */
export async function replayEvents(
  events: readonly PastEvent[],
  { versions, maxDurationMs, ...context }: ReplayContext,
  heard: (replayed: Replayed) => void,
): Promise<void> {
  const of = (version: string, { payload, expect }: PastEvent) =>
    ask({ payload: payload as never, maxDurationMs, expect }, { ...context, version, mark: "replay" });
  for (const event of events) {
    let replayed: Replayed | undefined;
    try {
      const candidate = await of(versions.candidate, event);
      replayed = { event, candidate, serving: await of(versions.serving, event) };
    } catch {
      // Throttled, or a fault of AWS: it says nothing of either version.
    }
    context.signal.throwIfAborted();
    if (replayed) heard(replayed);
  }
}

/** What the replay says of the release. `events`: how many there were, those that were not replayed included. */
export function judgeReplay(
  replayed: readonly Replayed[],
  events: number,
  { versions: { candidate, serving }, andBack }: { versions: ReplayContext["versions"]; andBack: boolean },
): { refusals: Refusal[]; findings: Reason[] } {
  const refuse = (message: string): Refusal => ({
    code: "replay-failed",
    message,
    advice: "Try the event on both versions and read their logs; the guard keeps none of what it holds",
  });
  const refusals = replayed.flatMap(({ event, candidate: failed, serving: servingFailed }): Refusal[] => {
    if (failed && !servingFailed) {
      return [
        refuse(`version ${candidate} fails the ${event.name}, which version ${serving} handles: it ${failed.what}`),
      ];
    }
    if (!failed && servingFailed && andBack && event.isRecorded) {
      const after = `after version ${candidate} has handled it, as it would after a rollback`;
      return [refuse(`version ${serving}, which serves, fails the ${event.name} ${after}: it ${servingFailed.what}`)];
    }
    return [];
  });
  const names = (kept: (one: Replayed) => boolean) => replayed.filter(kept).map(({ event }) => event.name);
  const neither = names((one) => one.candidate !== undefined && one.serving !== undefined);
  const onlyNew = names((one) => one.candidate === undefined && one.serving !== undefined);
  const left = events - replayed.length;
  return {
    refusals,
    findings: [
      fact(
        "replayed",
        `${replayed.length} of ${events} past events were asked of versions ${candidate} and ${serving}`,
        {
          samples: replayed.length,
        },
      ),
      ...(neither.length > 0 ? [fact("replay-both-failed", `both versions fail: ${neither.join(", ")}`)] : []),
      ...(onlyNew.length > 0
        ? [fact("replay-serving-failed", `only version ${candidate} handles: ${onlyNew.join(", ")}`)]
        : []),
      ...(left > 0
        ? [
            fact(
              "replay-incomplete",
              `${left} of ${events} past events were not replayed: time or Lambda did not allow it, or a body is not what the policy says`,
            ),
          ]
        : []),
    ],
  };
}
