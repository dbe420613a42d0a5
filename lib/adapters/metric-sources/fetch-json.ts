import { HttpRequest } from "@smithy/core/transport";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { GoaroundError } from "../../core/errors.ts";

/** A source whose whole answer takes longer than this cannot decide a look. Milliseconds. */
export const TIMEOUT_MS = 5000;
const CONNECTION_TIMEOUT_MS = 2000;
/** More than one number needs. */
const MAX_BYTES = 1_000_000;

/** Connections are kept alive between looks. Its own time-out for requests would end with the headers. */
export const httpHandler = () => new NodeHttpHandler({ connectionTimeout: CONNECTION_TIMEOUT_MS });

export type Sign = (request: HttpRequest) => Promise<HttpRequest>;

/** Why a source could not be read. The address is told without its query: it may hold what is not for logs. */
export const sourceFailed = (url: URL, why: string, cause?: unknown) =>
  new GoaroundError("aws-fault", "dependency", `${url.origin}${url.pathname}: ${why}`, { cause });

interface Fetching {
  /** For headers and body together. */
  timeoutMs: number;
  headers?: Record<string, string>;
  sign?: Sign;
  signal?: AbortSignal | undefined;
}

/** Asks with GET and reads JSON. Follows no redirects: credentials would go with them. Throws GoaroundError. */
export async function fetchJson(
  handler: NodeHttpHandler,
  url: URL,
  { timeoutMs, headers = {}, sign, signal }: Fetching,
): Promise<unknown> {
  const request = new HttpRequest({
    protocol: url.protocol,
    hostname: url.hostname,
    ...(url.port === "" ? {} : { port: Number(url.port) }),
    path: url.pathname,
    query: queryOf(url),
    method: "GET",
    headers: { host: url.host, accept: "application/json", ...headers },
  });
  const { status, body } = await send(handler, url, sign ? await sign(request) : request, timeoutMs, signal);
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    if (status === 200) throw sourceFailed(url, "the answer is not JSON");
  }
  if (status !== 200) throw sourceFailed(url, `answered ${status}${said(json)}`);
  return json;
}

async function send(
  handler: NodeHttpHandler,
  url: URL,
  request: HttpRequest,
  timeoutMs: number,
  signal: AbortSignal | undefined,
) {
  const deadline = new AbortController();
  // Not AbortSignal.timeout: it would not go by a clock that is put in place of the machine's.
  const timer = setTimeout(() => deadline.abort(), timeoutMs);
  const abortSignal = signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal;
  try {
    // Aborting destroys the connection, and with it a body that stalls.
    const { response } = await handler.handle(request, { abortSignal });
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) throw sourceFailed(url, `the answer has more than ${MAX_BYTES} bytes`);
      chunks.push(chunk);
    }
    return { status: response.statusCode, body: Buffer.concat(chunks).toString("utf8") };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof GoaroundError) throw error;
    const { name, message, code } = error as { name?: string; message?: string; code?: string };
    const isLate = deadline.signal.aborted || name === "TimeoutError";
    throw sourceFailed(url, isLate ? "no answer in time" : (code ?? message ?? String(error)), error);
  } finally {
    clearTimeout(timer);
  }
}

function queryOf(url: URL): Record<string, string | string[]> {
  const query: Record<string, string | string[]> = {};
  for (const key of new Set(url.searchParams.keys())) {
    const values = url.searchParams.getAll(key);
    query[key] = values.length === 1 ? (values[0] as string) : values;
  }
  return query;
}

/** What Prometheus, Datadog and most others say of an error. */
function said(json: unknown): string {
  const { error, errors, message } = (json ?? {}) as { error?: unknown; errors?: unknown; message?: unknown };
  const text = [error, Array.isArray(errors) ? errors[0] : errors, message].find((one) => typeof one === "string");
  return text === undefined ? "" : `: ${(text as string).slice(0, 200)}`;
}
