import type { World } from "../../kernel/service.ts";
import type { VersionRecord } from "./store.ts";

export interface ReportFigures {
  durationMs: number;
  initMs: number | undefined;
  status: "success" | "error" | "timeout" | "failure";
}

/** Writes what Lambda itself writes to a function's log around the handler's output. */
export class InvocationLog {
  /** All lines of the invocation, for the log tail of a synchronous call. */
  readonly lines: string[] = [];
  private readonly world: World;
  private readonly version: VersionRecord;
  private readonly requestId: string;
  private stream = "";

  constructor(world: World, version: VersionRecord, requestId: string) {
    this.world = world;
    this.version = version;
    this.requestId = requestId;
  }

  get group(): string {
    return logGroupOf(this.version);
  }

  start(logStreamName: string): void {
    this.stream = logStreamName;
    if (this.isJson) {
      if (!isQuiet(this.version)) this.platform("platform.start", { version: this.version.version });
    } else this.write([`START RequestId: ${this.requestId} Version: ${this.version.version}`]);
  }

  write(lines: readonly string[]): void {
    const timestampMs = this.world.clock.now();
    this.lines.push(...lines);
    this.world.links.writeLogs(
      this.group,
      this.stream,
      lines.map((message) => ({ timestampMs, message })),
    );
  }

  end(figures: ReportFigures): void {
    this.write(platformLines(this.version, this.requestId, figures, this.world.clock.now()));
  }

  /** The last 4 KB, base64 (API reference, Invoke). */
  tail(): string {
    return Buffer.from(`${this.lines.join("\n")}\n`)
      .subarray(-4096)
      .toString("base64");
  }

  private get isJson(): boolean {
    return this.version.settings.LoggingConfig?.LogFormat === "JSON";
  }

  private platform(type: string, record: Record<string, unknown>): void {
    const time = new Date(this.world.clock.now()).toISOString();
    this.write([JSON.stringify({ time, type, record: { requestId: this.requestId, ...record } })]);
  }
}

export const logGroupOf = (version: VersionRecord) =>
  version.settings.LoggingConfig?.LogGroup ?? `/aws/lambda/${version.settings.FunctionName}`;

/** Records of starts and of what went well are of level INFO; that those of failures are of level WARN is unverified. */
const isQuiet = ({ settings }: { settings: Pick<VersionRecord["settings"], "LoggingConfig"> }) =>
  settings.LoggingConfig?.SystemLogLevel === "WARN";

/** What ends an invocation's log: END and REPORT, or the record `platform.report` where the function logs in JSON. */
export function platformLines(
  version: { settings: Pick<VersionRecord["settings"], "MemorySize" | "LoggingConfig"> },
  requestId: string,
  { durationMs, initMs, status }: ReportFigures,
  atMs: number,
): string[] {
  const memoryMb = version.settings.MemorySize ?? 128;
  const billedMs = Math.ceil(durationMs + (initMs ?? 0));
  if (version.settings.LoggingConfig?.LogFormat === "JSON") {
    if (status === "success" && isQuiet(version)) return [];
    const metrics = {
      durationMs,
      billedDurationMs: billedMs,
      memorySizeMB: memoryMb,
      maxMemoryUsedMB: memoryMb,
      ...(initMs !== undefined && { initDurationMs: initMs }),
    };
    const record = { requestId, metrics, status };
    return [JSON.stringify({ time: new Date(atMs).toISOString(), type: "platform.report", record })];
  }
  const fields = [
    `REPORT RequestId: ${requestId}`,
    `Duration: ${durationMs.toFixed(2)} ms`,
    `Billed Duration: ${billedMs} ms`,
    `Memory Size: ${memoryMb} MB`,
    `Max Memory Used: ${memoryMb} MB`,
    ...(initMs === undefined ? [] : [`Init Duration: ${initMs.toFixed(2)} ms`]),
    ...(status === "timeout" ? ["Status: timeout"] : []),
  ];
  return [`END RequestId: ${requestId}`, `${fields.join("\t")}\t`];
}

/** `YYYY/MM/DD/[version]` and 32 hexadecimal digits. */
export function logStreamName(nowMs: number, version: string, digits: string): string {
  return `${new Date(nowMs).toISOString().slice(0, 10).replaceAll("-", "/")}/[${version}]${digits}`;
}
