import { HttpRequest } from "@smithy/core/transport";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { GoaroundError } from "../../core/errors.ts";

/** A source that answers later than this cannot decide a look. Milliseconds. */
export const TIMEOUT_MS = 5000;
const CONNECTION_TIMEOUT_MS = 2000;
/** More than one number needs. */
const MAX_BYTES = 1_000_000;

/** Connections are kept alive between looks. */
export const httpHandler = (requestTimeout: number) =>
  new NodeHttpHandler({ connectionTimeout: CONNECTION_TIMEOUT_MS, requestTimeout, throwOnRequestTimeout: true });

export type Sign = (request: HttpRequest) => Promise<HttpRequest>;

/** Why a source could not be read. The address is told without its query: it may hold what is not for logs. */
export const sourceFailed = (url: URL, why: string, cause?: unknown) =>
  new GoaroundError("aws-fault", "dependency", `${url.origin}${url.pathname}: ${why}`, { cause });

/** Asks with GET and reads JSON. Follows no redirects: credentials would go with them. Throws GoaroundError. */
export async function fetchJson(
  handler: NodeHttpHandler,
  url: URL,
  { headers = {}, sign, signal }: { headers?: Record<string, string>; sign?: Sign; signal?: AbortSignal | undefined },
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
  const { status, body } = await send(handler, url, sign ? await sign(request) : request, signal);
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    if (status === 200) throw sourceFailed(url, "the answer is not JSON");
  }
  if (status !== 200) throw sourceFailed(url, `answered ${status}${said(json)}`);
  return json;
}

async function send(handler: NodeHttpHandler, url: URL, request: HttpRequest, signal: AbortSignal | undefined) {
  try {
    const { response } = await handler.handle(request, signal ? { abortSignal: signal } : {});
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
    const why = name === "TimeoutError" ? "no answer in time" : (code ?? message ?? String(error));
    throw sourceFailed(url, why, error);
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
