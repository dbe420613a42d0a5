import { recordedEventName } from "../../contract/names.ts";
import type { ReplayPolicy } from "../../contract/replay.ts";
import { withinBudget } from "../deadline.ts";
import type { Reason } from "../judge/types.ts";
import { factsOf, type Log, messageOf } from "../log.ts";
import type { Clock, DeadLettersPort, FunctionsPort, PolicyPort } from "../ports.ts";
import type { Refusal } from "./admission.ts";
import { eventOf, judgeReplay, type PastEvent, type Replayed, recordedEvent, replayEvents } from "./replay.ts";

export interface ReplayPorts {
  clock: Clock;
  functions: Pick<FunctionsPort, "invoke">;
  policies: Pick<PolicyPort, "recordedEvent">;
  deadLetters: DeadLettersPort;
}

export interface ReplayRequest {
  environment: string;
  functionName: string;
  alias: string;
  versions: { candidate: string; serving: string };
  /** Undefined: nothing is replayed. */
  replay: ReplayPolicy | undefined;
  signal: AbortSignal;
}

/**
 * Past events, asked of both versions where the policy names any. Whoever asked for that check and cannot have it is
 * refused; one that took too long is told with what it has shown. Rejects only when the request's signal fires.
 */
export async function replayPast(
  ports: ReplayPorts,
  request: ReplayRequest,
  log: Log,
): Promise<{ refusals: Refusal[]; findings: Reason[] }> {
  const { functionName, versions, replay, signal } = request;
  if (!replay) return { refusals: [], findings: [] };
  const { seconds, maxDurationMs, andBack } = replay;
  const replayed: Replayed[] = [];
  let events: (PastEvent | undefined)[] | undefined;
  try {
    await withinBudget(ports.clock, seconds * 1000, async (budget) => {
      const both = AbortSignal.any([signal, budget.signal]);
      const found = await pastEvents(ports, request, replay, both);
      events = found;
      const readable = found.filter((event) => event !== undefined);
      await replayEvents(readable, { ...ports, functionName, versions, maxDurationMs, signal: both }, (one) =>
        replayed.push(one),
      );
    });
  } catch (error) {
    signal.throwIfAborted();
    log.warn("not all past events were replayed", { functionName, ...factsOf(error) });
    if (!events) return { refusals: [unavailable(functionName, messageOf(error))], findings: [] };
  }
  log.info("past events were replayed", { functionName, replayed: replayed.length });
  return judgeReplay(replayed, events?.length ?? 0, { versions, andBack });
}

/** Undefined for a message that does not hold what the policy says. */
async function pastEvents(
  { policies, deadLetters }: ReplayPorts,
  { environment, functionName, alias }: ReplayRequest,
  replay: ReplayPolicy,
  signal: AbortSignal,
): Promise<(PastEvent | undefined)[]> {
  const recorded = replay.events.map(async (name) => {
    const document = await policies.recordedEvent(environment, functionName, alias, name);
    if (document !== undefined) return recordedEvent(name, document, replay);
    throw new Error(`there is no parameter ${recordedEventName(environment, functionName, alias, name)}`);
  });
  const letters = replay.deadLetters.map(async (source) =>
    (await deadLetters.peek(source.queue, source.most, signal)).map((letter) => eventOf(letter, source, replay)),
  );
  return [...(await Promise.all(recorded)), ...(await Promise.all(letters)).flat()];
}

const unavailable = (functionName: string, why: string): Refusal => ({
  code: "replay-unavailable",
  message: `the past events that the policy names could not be read: ${why}`,
  advice: `Release again when they can, or let it through: goaround guard --action break-glass --function-name ${functionName} --rules replay-unavailable --for 1h --reason "why"`,
});
