import { search } from "@aws-lambda-powertools/jmespath";
import type { InvocationMark } from "../../contract/names.ts";
import type { SmokeTest } from "../../contract/policy.ts";
import type { Reason } from "../judge/types.ts";
import type { Clock, FunctionsPort, InvocationResult } from "../ports.ts";

export interface SmokeContext {
  functions: Pick<FunctionsPort, "invoke">;
  clock: Clock;
  functionName: string;
  version: string;
  signal: AbortSignal;
  mark?: InvocationMark;
}

/** Why an answer does not count, in words that go on from the name of what was asked. */
export interface Shortfall {
  what: string;
  observed: number | null;
  limit: number | null;
}

/** The way to Lambda and back, and a cold start, do not count against the function. Milliseconds. */
const GRACE_MS = 5000;
/** Between looks whether Lambda lets it be asked again. */
const REFUSED_MS = 1000;

/**
 * Invokes the version itself, which has no traffic yet, with each of the policy's payloads. Returns what failed; an
 * empty list is a pass. Throws when AWS did not let it be asked: that says nothing about the version.
 */
export async function runSmokeTests(tests: readonly SmokeTest[], context: SmokeContext): Promise<Reason[]> {
  const failures: Reason[] = [];
  for (const test of tests) {
    context.signal.throwIfAborted();
    const failure = await ask(test, context);
    if (failure) failures.push(failed(test, failure));
  }
  return failures;
}

/** Invokes a version once; undefined: it answered as it should. Throws when AWS did not let it be asked. */
export async function ask(
  test: Pick<SmokeTest, "payload" | "maxDurationMs" | "expect">,
  context: SmokeContext,
): Promise<Shortfall | undefined> {
  const limitMs = test.maxDurationMs + GRACE_MS;
  const controller = new AbortController();
  const answered = new AbortController();
  const { functions, clock, functionName, version, signal, mark } = context;
  const nowMs = () => clock.now().getTime();
  // Undefined while Lambda refuses to ask it.
  let askedAtMs: number | undefined = nowMs();
  const silence = async (): Promise<undefined> => {
    const stop = AbortSignal.any([signal, answered.signal]);
    for (
      let leftMs = limitMs;
      leftMs > 0;
      leftMs = askedAtMs === undefined ? REFUSED_MS : askedAtMs + limitMs - nowMs()
    ) {
      await clock.sleep(leftMs, stop);
    }
  };
  const silent = silence();
  try {
    const invocation = functions.invoke({
      functionName,
      qualifier: version,
      payload: test.payload,
      ...(mark === undefined ? {} : { mark }),
      signal: AbortSignal.any([signal, controller.signal]),
      attempts: {
        began: () => {
          askedAtMs = nowMs();
        },
        ended: () => {
          askedAtMs = undefined;
        },
      },
    });
    const result = await Promise.race([invocation, silent]);
    if (result === undefined) {
      return { what: `did not answer within ${limitMs} ms`, observed: limitMs, limit: test.maxDurationMs };
    }
    return check(test, result);
  } finally {
    controller.abort();
    answered.abort();
    silent.catch(() => {});
  }
}

function check(test: Pick<SmokeTest, "maxDurationMs" | "expect">, result: InvocationResult): Shortfall | undefined {
  const short = (what: string) => ({ what, observed: null, limit: null });
  if (result.functionError !== undefined) return short(`ended with a ${result.functionError} error`);
  if (result.statusCode !== 200) return short(`was answered with status ${result.statusCode}`);
  if (result.durationMs > test.maxDurationMs) {
    const ms = Math.round(result.durationMs);
    return { what: `took ${ms} ms (limit ${test.maxDurationMs} ms)`, observed: ms, limit: test.maxDurationMs };
  }
  if (test.expect === undefined || meets(test.expect, result.payload)) return undefined;
  return short(`gave an answer that does not meet \`${test.expect}\``);
}

/** JMESPath's own idea of truth: false, null, and empty texts, lists and objects do not meet it. */
function meets(expression: string, payload: unknown): boolean {
  const value = search(expression, payload as Parameters<typeof search>[1]) as unknown;
  if (value === undefined || value === null || value === false || value === "") return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
}

const failed = ({ name }: SmokeTest, { what, observed, limit }: Shortfall): Reason => ({
  code: "smoke-failed",
  message: `the smoke test "${name}" ${what}`,
  observed,
  limit,
  baseline: null,
  samples: 1,
});
