import { format } from "node:util";
import type { LogFormat } from "../protocol.ts";

const LEVELS = { log: "INFO", info: "INFO", warn: "WARN", error: "ERROR", debug: "DEBUG", trace: "TRACE" } as const;

/** Sends console calls and raw output to the emulator, formatted as Lambda's Node.js runtime formats them. */
export class LogOutput {
  private requestId: string | undefined;
  private readonly logFormat: LogFormat;
  private readonly send: (lines: string[]) => void;

  constructor(logFormat: LogFormat, send: (lines: string[]) => void) {
    this.logFormat = logFormat;
    this.send = send;
    this.replaceConsole();
    this.replaceStream(process.stdout);
    this.replaceStream(process.stderr);
  }

  beginInvocation(requestId: string): void {
    this.requestId = requestId;
  }

  /** One console call is one log event, whatever line breaks it holds. */
  write(level: string, args: unknown[]): void {
    const timestamp = new Date().toISOString();
    if (this.logFormat === "JSON") {
      const [only] = args;
      const message =
        args.length === 1 && typeof only === "object" && !(only instanceof Error) ? only : format(...args);
      this.send([JSON.stringify({ timestamp, level, requestId: this.requestId, message })]);
    } else {
      this.send([`${timestamp}\t${this.requestId}\t${level}\t${format(...args)}`]);
    }
  }

  private replaceConsole(): void {
    for (const [method, level] of Object.entries(LEVELS)) {
      Object.assign(console, { [method]: (...args: unknown[]) => this.write(level, args) });
    }
  }

  private replaceStream(stream: NodeJS.WriteStream): void {
    stream.write = (chunk: unknown, encoding?: unknown, callback?: unknown): boolean => {
      const text = typeof chunk === "string" ? chunk : Buffer.from(chunk as Uint8Array).toString("utf8");
      const lines = text.split("\n").filter((line) => line !== "");
      if (lines.length > 0) this.send(lines);
      const done = typeof encoding === "function" ? encoding : callback;
      if (typeof done === "function") process.nextTick(done);
      return true;
    };
  }
}
