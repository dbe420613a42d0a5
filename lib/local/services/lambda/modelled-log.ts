import type { SeededRandom } from "../../kernel/random.ts";
import type { LogLine, World } from "../../kernel/service.ts";
import { logGroupOf, logStreamName, platformLines } from "./invocation-log.ts";
import type { VersionRecord } from "./store.ts";

/** Lines are written when the second is over in which they came about. */
const WRITE_MS = 1000;

/** A modelled request that has its outcome. */
export interface ModelledRequest {
  version: VersionRecord;
  /** Its start, virtual epoch milliseconds. */
  atMs: number;
  initMs: number | undefined;
  durationMs: number;
  status: "success" | "error" | "timeout" | "failure";
  error: { errorType: string; errorMessage: string } | undefined;
  /** Which of the version's execution environments had it, from 1. */
  environment: number;
}

/**
 * What Lambda writes for requests that are only modelled. They are many, and their records go nowhere but to
 * subscribers: they are written for log groups that have some.
 */
export class ModelledLog {
  private readonly world: World;
  private readonly requestIds: SeededRandom;
  private readonly streamNames: SeededRandom;
  /** By version and environment. */
  private readonly streams = new Map<string, string>();

  constructor(world: World) {
    this.world = world;
    this.requestIds = world.random.fork("lambda/modelled-requests");
    this.streamNames = world.random.fork("lambda/modelled-streams");
  }

  clear(): void {
    this.streams.clear();
  }

  write(requests: readonly ModelledRequest[]): void {
    const seconds = new Map<number, Map<string, { group: string; stream: string; lines: LogLine[] }>>();
    for (const request of requests) {
      const { version, atMs, initMs = 0, durationMs } = request;
      const endMs = atMs + initMs + durationMs;
      const second = Math.floor(endMs / WRITE_MS) + 1;
      const streams = seconds.get(second) ?? new Map<string, { group: string; stream: string; lines: LogLine[] }>();
      seconds.set(second, streams);
      const stream = this.stream(request);
      const target = streams.get(stream) ?? { group: logGroupOf(version), stream, lines: [] };
      streams.set(stream, target);
      target.lines.push(...this.lines(request, endMs));
    }
    for (const [second, streams] of seconds) {
      this.world.clock.at(second * WRITE_MS, () => {
        for (const { group, stream, lines } of streams.values()) {
          const inOrder = [...lines].sort((a, b) => a.timestampMs - b.timestampMs);
          this.world.links.writeLogs(group, stream, inOrder);
        }
      });
    }
  }

  private lines(request: ModelledRequest, timestampMs: number): LogLine[] {
    const { version, durationMs, initMs, status, error } = request;
    const requestId = this.requestIds.uuid();
    const figures = { durationMs, initMs, status };
    const { LogFormat } = version.settings.LoggingConfig ?? {};
    const time = new Date(timestampMs).toISOString();
    const lines: string[] = [];
    if (status === "timeout") {
      lines.push(`${time} ${requestId} Task timed out after ${(durationMs / 1000).toFixed(2)} seconds`);
    } else if (error && LogFormat !== "JSON") {
      lines.push(`${time}\t${requestId}\tERROR\tInvoke Error \t${JSON.stringify(error)}`);
    }
    return [...lines, ...platformLines(version, requestId, figures, timestampMs)].map((message) => ({
      timestampMs,
      message,
    }));
  }

  private stream({ version, environment, atMs, initMs }: ModelledRequest): string {
    const key = `${version.settings.FunctionName}/${version.instance}/${environment}`;
    const known = this.streams.get(key);
    if (known !== undefined && initMs === undefined) return known;
    const name = logStreamName(atMs, version.version, this.streamNames.text(32, "0123456789abcdef"));
    this.streams.set(key, name);
    return name;
  }
}
