import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createMonitoring } from "../../lib/adapters/monitoring.ts";
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

it("a call whose answer stalls behind its headers is given up", async () => {
  vi.useRealTimers();
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor" }).write("\xbf");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { alarmStates } = createMonitoring({
      region: "us-east-1",
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      credentials: { accessKeyId: "a", secretAccessKey: "b" },
      maxAttempts: 1,
      requestTimeoutMs: 300,
    });
    await expect(alarmStates(["red"])).rejects.toThrow(/alarm|DescribeAlarms|timed out/);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
