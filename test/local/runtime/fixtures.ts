import { strToU8, zipSync } from "fflate";
import { VirtualClock } from "../../../lib/local/kernel/clock.ts";
import type { RuntimeRequest, RuntimeTarget } from "../../../lib/local/runtime/node-runtime.ts";
import { NodeRuntime } from "../../../lib/local/runtime/node-runtime.ts";
import type { SabotageKind } from "../../../lib/local/runtime/protocol.ts";

export const START = Date.parse("2026-03-01T12:00:00.000Z");

export function zip(files: Record<string, string>): Uint8Array {
  return zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, strToU8(text)])));
}

/** Code without `files` is one ES module whose default body is the handler's. */
export function handlerZip(body: string, imports = ""): Uint8Array {
  return zip({ "index.mjs": `${imports}\nexport const handler = async (event, context) => {${body}};` });
}

/** A runtime with a clock of its own, and one function in it. */
export class RuntimeBench {
  readonly clock = new VirtualClock(START);
  readonly runtime = new NodeRuntime(this.clock);
  readonly logs: string[] = [];
  readonly coldStarts: boolean[] = [];
  private requests = 0;

  invoke(
    code: Uint8Array,
    options: {
      event?: unknown;
      timeoutMs?: number;
      functionName?: string;
      handler?: string;
      variables?: Record<string, string>;
      sabotage?: SabotageKind;
      logFormat?: "Text" | "JSON";
    } = {},
  ) {
    const functionName = options.functionName ?? "fn";
    const target: RuntimeTarget = {
      functionName,
      version: "1",
      revision: "r1",
      code,
      handler: options.handler ?? "index.handler",
      memoryMb: 128,
      logFormat: options.logFormat ?? "Text",
      open: () => ({ variables: options.variables ?? {}, logStreamName: "stream" }),
    };
    const request: RuntimeRequest = {
      requestId: `request-${++this.requests}`,
      invokedFunctionArn: `arn:aws:lambda:us-east-1:111122223333:function:${functionName}:live`,
      logGroupName: `/aws/lambda/${functionName}`,
      deadlineMs: this.clock.now() + (options.timeoutMs ?? 3_000),
      payload: JSON.stringify(options.event ?? {}),
      sabotage: options.sabotage,
      onStart: ({ coldStart }) => this.coldStarts.push(coldStart),
      onLog: (lines) => this.logs.push(...lines),
    };
    return this.runtime.invoke(target, request);
  }

  async result(...args: Parameters<RuntimeBench["invoke"]>): Promise<unknown> {
    const outcome = await this.invoke(...args);
    if (outcome.kind !== "success") throw new Error(`the handler did not succeed: ${JSON.stringify(outcome)}`);
    return JSON.parse(outcome.payload);
  }

  /** Starts `work` and moves the clock until it is done. */
  async drive<T>(work: Promise<T>, stepMs = 1_000): Promise<T> {
    let done = false;
    const finished = work.finally(() => {
      done = true;
    });
    finished.catch(() => undefined);
    await this.clock.settle();
    while (!done) {
      await this.clock.advanceBy(stepMs);
    }
    return finished;
  }
}
