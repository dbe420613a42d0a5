import { AsyncLocalStorage } from "node:async_hooks";
import type { Context } from "aws-lambda";
import { flagRecord } from "../../lib/contract/flag-record.ts";

/** Flag → whether this request saw it on. */
const reads = new AsyncLocalStorage<Map<string, boolean>>();

/** Notes that the request under way read a flag; the first answer counts, as a request that saw both states is of neither. */
export function noteRead(flag: string, enabled: boolean): void {
  const seen = reads.getStore();
  if (seen && !seen.has(flag)) seen.set(flag, enabled);
}

/**
 * Wraps a handler: every request is counted for each flag it read, with the flag's state and whether the request failed,
 * so that the guard can tell a bad flag from a bad version. A request fails when the handler throws or answers with a
 * `statusCode` of 500 or more. One log line a flag and request; requests that read no flag cost nothing.
 */
export function countingFlags<Event, Answer>(
  handler: (event: Event) => Promise<Answer>,
  write: (line: string) => void = (line) => process.stdout.write(`${line}\n`),
): (event: Event, context: Pick<Context, "functionName" | "functionVersion">) => Promise<Answer> {
  return async (event, { functionName, functionVersion: version }) => {
    const seen = new Map<string, boolean>();
    const tell = (failed: boolean) => {
      const atMs = Date.now();
      for (const [flag, on] of seen) {
        write(flagRecord({ functionName, version, flag, state: on ? "on" : "off", failed, atMs }));
      }
    };
    try {
      const answer = await reads.run(seen, () => handler(event));
      tell(isServerError(answer));
      return answer;
    } catch (error) {
      tell(true);
      throw error;
    }
  };
}

const isServerError = (answer: unknown) =>
  typeof answer === "object" && answer !== null && "statusCode" in answer && Number(answer.statusCode) >= 500;
