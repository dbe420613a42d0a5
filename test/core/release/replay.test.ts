import { describe, expect, it } from "vitest";
import { type ReplayPolicy, replay } from "../../../lib/contract/replay.ts";
import type { DeadLetter } from "../../../lib/core/ports.ts";
import { eventOf, judgeReplay, type Replayed, recordedEvent } from "../../../lib/core/release/replay.ts";

const policy = (changes: object = {}): ReplayPolicy => replay.parse({ events: ["order"], ...changes });
const letter = (body: string, changes: Partial<DeadLetter> = {}): DeadLetter => ({
  messageId: "m-1",
  body,
  md5OfBody: "md5",
  attributes: {},
  messageAttributes: {},
  ...changes,
});
const source = (holds: "events" | "records" | "messages") => ({ queue: "orders-dead", holds, most: 5 });

describe("a message of a dead-letter queue", () => {
  it("is the event where the queue is a function's own", () => {
    expect(eventOf(letter('{"order":1}'), source("events"), policy())).toEqual({
      name: "message m-1 of orders-dead",
      isRecorded: false,
      payload: { order: 1 },
      expect: undefined,
    });
  });

  it("has the event in it where a destination wrote it", () => {
    const record = JSON.stringify({ version: "1.0", requestContext: {}, requestPayload: { order: 1 } });
    expect(eventOf(letter(record), source("records"), policy())?.payload).toEqual({ order: 1 });
  });

  it("is handed to the function as its queue would, without a handle to delete it by", () => {
    const arn = "arn:aws:sqs:eu-central-1:111122223333:orders";
    const message = letter("text", {
      attributes: { ApproximateReceiveCount: "4", DeadLetterQueueSourceArn: arn },
      messageAttributes: { kind: { dataType: "Binary", binaryValue: new Uint8Array([1, 255]) } },
    });
    expect(eventOf(message, source("messages"), policy())?.payload).toEqual({
      Records: [
        {
          messageId: "m-1",
          receiptHandle: "replay",
          body: "text",
          attributes: { ApproximateReceiveCount: "4" },
          messageAttributes: {
            kind: { dataType: "Binary", stringListValues: [], binaryListValues: [], binaryValue: "Af8=" },
          },
          md5OfBody: "md5",
          eventSource: "aws:sqs",
          eventSourceARN: arn,
          awsRegion: "eu-central-1",
        },
      ],
    });
  });

  it("is left out where it is not what the policy says", () => {
    expect(eventOf(letter("text"), source("events"), policy())).toBeUndefined();
    expect(eventOf(letter('{"order":1}'), source("records"), policy())).toBeUndefined();
    expect(eventOf(letter("null"), source("records"), policy())).toBeUndefined();
  });
});

describe("what was replayed", () => {
  const bad = { what: "ended with a Unhandled error", observed: null, limit: null };
  const versions = { candidate: "3", serving: "2" };
  const recorded = recordedEvent("order", "{}", policy());
  const dead = { name: "message m-1 of orders-dead", isRecorded: false };
  const judge = (candidate: boolean, serving: boolean, event: Replayed["event"] = recorded, andBack = false) => {
    const one = { event, candidate: candidate ? undefined : bad, serving: serving ? undefined : bad };
    const { refusals, findings } = judgeReplay([one], 1, { versions, andBack });
    return [...refusals, ...findings].map(({ code }) => code);
  };

  it.each([
    ["both handle", [true, true], ["replayed"]],
    ["only the one that serves handles", [false, true], ["replay-failed", "replayed"]],
    ["neither handles", [false, false], ["replayed", "replay-both-failed"]],
    ["only the new one handles", [true, false], ["replayed", "replay-serving-failed"]],
  ] as const)("that %s is %j", (_, [candidate, serving], codes) => {
    expect(judge(candidate, serving)).toEqual(codes);
  });

  it("refuses, where the policy says so, what the version that serves cannot handle after the new one", () => {
    expect(judge(true, false, recorded, true)).toContain("replay-failed");
    // A dead letter is one because it was not handled.
    expect(judge(true, false, dead, true)).not.toContain("replay-failed");
  });

  it("names the event and not what it holds", () => {
    const one = { event: dead, candidate: bad, serving: undefined };
    const [refusal] = judgeReplay([one], 1, { versions, andBack: false }).refusals;
    expect(refusal?.message).toBe(
      "version 3 fails the message m-1 of orders-dead, which version 2 handles: it ended with a Unhandled error",
    );
  });

  it("says how many were not replayed", () => {
    const { findings } = judgeReplay([], 2, { versions, andBack: false });
    expect(findings.map(({ code }) => code)).toEqual(["replayed", "replay-incomplete"]);
    expect(findings[1]?.message).toMatch(/^2 of 2 /);
  });
});
