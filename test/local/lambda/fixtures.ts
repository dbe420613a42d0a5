import { strToU8, zipSync } from "fflate";
import { VirtualClock } from "../../../lib/local/kernel/clock.ts";
import type { LogLine, MetricSample, Occurrence, OperationHandler } from "../../../lib/local/kernel/service.ts";
import { LocalWorld } from "../../../lib/local/kernel/world.ts";
import { createLambda, type LambdaOptions, type LambdaService } from "../../../lib/local/services/lambda/index.ts";

export const START = Date.parse("2026-03-01T12:00:00.000Z");
export const MINUTE = 60_000;
export const ROLE = "arn:aws:iam::111122223333:role/fn-role";
export const ARN = "arn:aws:lambda:us-east-1:111122223333:function:fn";

export function zip(source: string, file = "index.mjs"): Uint8Array {
  return zipSync({ [file]: strToU8(source) }, { mtime: new Date("2026-01-01T00:00:00Z") });
}

export const handler = (body: string) => zip(`export const handler = async (event, context) => {${body}};`);

interface Call {
  service: string;
  operation: string;
  input: Record<string, unknown>;
  principal: string;
}

/** A world with Lambda in it, and neighbours that only remember. */
export class LambdaBench {
  readonly clock = new VirtualClock(START);
  readonly world: LocalWorld;
  readonly lambda: LambdaService;
  readonly metrics: MetricSample[] = [];
  readonly logs: { group: string; stream: string; line: LogLine }[] = [];
  readonly occurrences: Occurrence[] = [];
  readonly calls: Call[] = [];

  constructor(options: LambdaOptions & { seed?: number } = {}) {
    this.world = new LocalWorld({ clock: this.clock, seed: options.seed ?? 1 });
    this.world.install("recordMetric", (sample) => this.metrics.push(sample));
    this.world.install("writeLogs", (group, stream, lines) => {
      for (const line of lines) this.logs.push({ group, stream, line });
    });
    this.world.observe((occurrence) => this.occurrences.push(occurrence));
    this.lambda = createLambda(this.world, options);
    this.world.register(this.lambda);
  }

  /** A service that records its calls and gives fixed answers. */
  neighbour(service: string, answers: Record<string, unknown>): void {
    const operations: Record<string, OperationHandler> = {};
    for (const [operation, answer] of Object.entries(answers)) {
      operations[operation] = (input, { principal }) => {
        this.calls.push({ service, operation, input, principal: principal.arn });
        if (answer instanceof Error) throw answer;
        return answer;
      };
    }
    this.world.register({ name: service, operations, reset: () => undefined });
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever the operation answers
  call<T = any>(operation: string, input: Record<string, unknown> = {}): Promise<T> {
    return this.world.call<T>("lambda", operation, input, this.world.credentials.principalFor(undefined));
  }

  create(body = "return event", overrides: Record<string, unknown> = {}): Promise<Record<string, string>> {
    return this.call("CreateFunction", {
      FunctionName: "fn",
      Runtime: "nodejs20.x",
      Handler: "index.handler",
      Role: ROLE,
      Code: { ZipFile: handler(body) },
      ...overrides,
    });
  }

  /** Publishes versions 1 to `count`, each with other code, and an alias `live` on version 1. */
  async release(count = 2, overrides: Record<string, unknown> = {}): Promise<void> {
    await this.create("return 1", overrides);
    await this.call("PublishVersion", { FunctionName: "fn" });
    for (let version = 2; version <= count; version++) {
      await this.call("UpdateFunctionCode", { FunctionName: "fn", ZipFile: handler(`return ${version}`) });
      await this.call("PublishVersion", { FunctionName: "fn" });
    }
    await this.call("CreateAlias", { FunctionName: "fn", Name: "live", FunctionVersion: "1" });
  }

  async invoke(input: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const { Payload, ...output } = await this.call("Invoke", { FunctionName: "fn", ...input });
    return { ...output, ...(Payload && { Payload: JSON.parse(Buffer.from(Payload).toString()) }) };
  }

  async drive<T>(work: Promise<T>, stepMs = 1_000): Promise<T> {
    let done = false;
    const finished = work.finally(() => {
      done = true;
    });
    finished.catch(() => undefined);
    await this.clock.settle();
    while (!done) await this.clock.advanceBy(stepMs);
    return finished;
  }

  /** Sum over the samples of a metric that have exactly these dimensions. */
  sum(name: string, dimensions: Record<string, string>): number {
    const key = (set: Record<string, string>) => JSON.stringify(Object.entries(set).sort());
    return this.metrics
      .filter((sample) => sample.name === name && key(sample.dimensions) === key(dimensions))
      .flatMap(({ values, counts }) => values.map((value, index) => value * (counts?.[index] ?? 1)))
      .reduce((total, value) => total + value, 0);
  }

  messages(): string[] {
    return this.logs.map(({ line }) => line.message);
  }
}
