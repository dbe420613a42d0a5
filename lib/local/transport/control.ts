import { z } from "zod";
import { AwsError } from "../kernel/errors.ts";
import type { FaultRule } from "../kernel/faults.ts";
import type { HttpReply, HttpRequestParts } from "./rest.ts";

/** Requests to the local AWS itself, which no AWS service has. */
export const CONTROL_PREFIX = "/_goaround/";

export interface WorldState {
  /** Virtual time, ISO 8601. */
  now: string;
  seed: string | number;
  region: string;
  accountId: string;
  services: string[];
  faults: readonly FaultRule[];
}

export interface ControlActions {
  reset(): Promise<void>;
  state(): WorldState;
  advance(seconds: number): Promise<void>;
  inject(rule: FaultRule): void;
  clearFaults(): void;
}

const clockBody = z.strictObject({
  advanceSeconds: z
    .number()
    .min(0)
    .max(366 * 86_400),
});

const faultBody = z.strictObject({
  service: z.string().min(1),
  operation: z.string().min(1),
  kind: z.enum(["throttle", "unavailable", "denied", "lost-reply", "latency"]),
  probability: z.number().min(0).max(1).optional(),
  times: z.number().int().min(1).optional(),
  fromMs: z.number().optional(),
  untilMs: z.number().optional(),
  latencyMs: z.number().min(0).optional(),
  principal: z.string().min(1).optional(),
});

export async function handleControl(control: ControlActions, request: HttpRequestParts): Promise<HttpReply> {
  if (request.headers.origin !== undefined) {
    throw new AwsError("AccessDeniedException", "Control requests from web pages are refused.", { status: 403 });
  }
  const route = `${request.method} ${request.path.slice(CONTROL_PREFIX.length)}`;
  switch (route) {
    case "GET state":
      return json(control.state());
    case "POST reset":
      await control.reset();
      return json(control.state());
    case "POST clock": {
      const { advanceSeconds } = read(clockBody, request.body);
      await control.advance(advanceSeconds);
      return json(control.state());
    }
    case "POST faults":
      control.inject(read(faultBody, request.body));
      return json(control.state());
    case "DELETE faults":
      control.clearFaults();
      return json(control.state());
    default:
      throw new AwsError(
        "NotFoundException",
        `There is no ${request.method} ${request.path}. Control requests: GET state, POST reset, POST clock, POST faults, DELETE faults.`,
        { status: 404 },
      );
  }
}

function json(value: unknown): HttpReply {
  return { status: 200, headers: { "content-type": "application/json" }, body: `${JSON.stringify(value, null, 2)}\n` };
}

function read<T>(schema: z.ZodType<T>, body: Uint8Array): T {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(body));
  } catch {
    throw new AwsError("ValidationException", "The body must be a JSON object.");
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join(".") || "body"}: ${issue.message}`);
  throw new AwsError("ValidationException", problems.join("; "));
}
