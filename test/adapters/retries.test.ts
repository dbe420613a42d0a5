import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { clientConfig } from "../../lib/adapters/options.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Attempts until the strategy gives up, and how long that takes when no attempt takes time. */
async function attemptsAt(errorType: "THROTTLING" | "TRANSIENT", name = "ThrottlingException") {
  const { retryStrategy } = clientConfig({});
  const error = { name, message: "", $fault: "client" as const, $metadata: {} };
  const startMs = Date.now();
  const attempts = (async () => {
    let token = await retryStrategy.acquireInitialRetryToken("lambda");
    for (let attempt = 1; ; attempt += 1) {
      try {
        token = await retryStrategy.refreshRetryTokenForRetry(token, { errorType, error });
      } catch {
        return { attempt, seconds: (Date.now() - startMs) / 1000 };
      }
    }
  })();
  await vi.runAllTimersAsync();
  return attempts;
}

it("calls are tried ten times when they are throttled, and five times otherwise", async () => {
  expect((await attemptsAt("THROTTLING")).attempt).toBe(10);
  expect((await attemptsAt("TRANSIENT")).attempt).toBe(5);
});

it("a quota that is used up is told at once, although the SDK takes it for throttling", async () => {
  expect((await attemptsAt("THROTTLING", "LimitExceededException")).attempt).toBe(1);
});

it("calls that are throttled are given up within a minute and a half", async () => {
  expect((await attemptsAt("THROTTLING")).seconds).toBeLessThan(92);
});
