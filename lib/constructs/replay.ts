import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { CfnResource } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import { CfnParameter } from "aws-cdk-lib/aws-ssm";
import type { Construct } from "constructs";
import { recordedEventName } from "../contract/names.ts";
import type { Policy, PolicyInput } from "../contract/policy.ts";
import { EVENT_NAME } from "../contract/replay.ts";
import { stackArn } from "./arns.ts";
import { policyDocument } from "./least-privilege-role.ts";
import { dependOnGuard, type IReleaseGuard } from "./release-guard-ref.ts";

export interface DeadLettersProps {
  /** Name of a queue of the function's account and region. */
  readonly queueName: string;
  /**
   * What the messages are: `events`, as a function's own dead-letter queue has them; `records` with the event in them, from an
   * on-failure destination; or `messages` of the queue that the function reads.
   */
  readonly holds: "events" | "records" | "messages";
  /** How many are replayed at most, 1 to 10. Default 5. */
  readonly most?: number;
}

export interface ReplayProps {
  /**
   * JSON files, each one event as the function gets it, at most 8 KB without spaces; at most 10. An event is called by its
   * file's name without `.json`. They become parameters beside the policy: nothing secret, nothing about people.
   */
  readonly events?: readonly string[];
  /** At most two queues, whose messages are read and stay. Default: none. */
  readonly deadLetters?: readonly DeadLettersProps[];
  /** JMESPath over each answer; truthy: the event was handled. Default: any answer that is no error. */
  readonly expect?: string;
  /** An answer that takes longer is none. Milliseconds, at most 60 000. Default 10 000. */
  readonly maxDurationMs?: number;
  /** For all events; what is left then is not replayed. 1 to 120. Default 60. */
  readonly seconds?: number;
  /**
   * Refuses a release also when the version that serves fails a recorded event after the new one has handled it. Default
   * false: that is told.
   */
  readonly andBack?: boolean;
}

/** An advanced parameter (Systems Manager user guide, "managing parameter tiers", 2025). */
const MAX_EVENT_BYTES = 8192;

/** What the policy says of it. Throws when two files have one name, or a name is none. */
export function replayPolicy({
  events = [],
  deadLetters = [],
  ...rest
}: ReplayProps): NonNullable<PolicyInput["replay"]> {
  const wrong = events.find((file) => !EVENT_NAME.test(eventName(file)));
  if (wrong !== undefined) {
    throw new Error(
      `replay.events: "${wrong}" must be a JSON file of 1 to 64 letters, digits, _ and -, and then .json`,
    );
  }
  return {
    ...rest,
    events: events.map(eventName),
    deadLetters: deadLetters.map(({ queueName, ...source }) => ({ queue: queueName, ...source })),
  };
}

/** The events' parameters, and the hook's right to look into the queues: whatever must be there before a release. */
export function replayResources(
  scope: Construct,
  guard: IReleaseGuard,
  { functionName, alias, replay }: Policy,
  { events = [] }: ReplayProps,
): CfnResource[] {
  const parameters = events.map(
    (file) =>
      new CfnParameter(scope, `Event${eventName(file)}`, {
        name: recordedEventName(guard.environmentName, functionName, alias, eventName(file)),
        description: `Event that releases of ${functionName}:${alias} are tried with`,
        type: "String",
        tier: "Intelligent-Tiering",
        value: readEvent(file),
      }),
  );
  const queues = replay?.deadLetters ?? [];
  if (queues.length === 0) return parameters;
  const rights = new iam.CfnPolicy(scope, "ReplayRights", {
    policyName: `goaround-replay-${functionName}.${alias}`.slice(0, 128),
    policyDocument: policyDocument([
      {
        actions: ["sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:ChangeMessageVisibility"],
        resources: queues.map(({ queue }) => stackArn(scope, "sqs", queue)),
      },
    ]),
    roles: [guard.preTrafficRoleName],
  });
  dependOnGuard(scope, guard, [rights]);
  return [...parameters, rights];
}

const eventName = (file: string) => basename(file, ".json");

/** Without spaces. Throws an error that names the file and what to do. */
function readEvent(file: string): string {
  let value: string;
  try {
    value = JSON.stringify(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    throw new Error(`replay.events: ${file} cannot be read as JSON: ${(error as Error).message}`);
  }
  const bytes = Buffer.byteLength(value);
  if (bytes <= MAX_EVENT_BYTES) return value;
  throw new Error(
    `replay.events: ${file} is ${bytes} bytes without spaces; at most ${MAX_EVENT_BYTES} fit its parameter: shorten it`,
  );
}
