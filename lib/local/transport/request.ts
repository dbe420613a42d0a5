import type { IncomingMessage } from "node:http";
import { gunzipSync } from "node:zlib";
import { AwsError } from "../kernel/errors.ts";
import { WrongType } from "./json.ts";
import type { HttpRequestParts } from "./rest.ts";

/** Who signed, for which region and service. Signatures themselves are not checked. */
export interface Scope {
  accessKeyId: string;
  region: string | undefined;
  service: string;
}

export async function readRequest(message: IncomingMessage): Promise<HttpRequestParts> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  const url = message.url ?? "/";
  const mark = url.indexOf("?");
  return {
    method: message.method ?? "GET",
    path: mark === -1 ? url : url.slice(0, mark),
    query: new URLSearchParams(mark === -1 ? "" : url.slice(mark + 1)),
    headers,
    body: Buffer.concat(chunks),
  };
}

/**
 * Undoes the encodings of a request's body: clients gzip large PutMetricData requests and send S3 streams as
 * `aws-chunked`. For S3 gzip is the stored object's own encoding and stays.
 */
export function decodeBody({ body, headers }: HttpRequestParts, service: string | undefined): Uint8Array {
  let result = body;
  const encodings = (headers["content-encoding"] ?? "").split(",").map((encoding) => encoding.trim().toLowerCase());
  const chunked = encodings.includes("aws-chunked") || (headers["x-amz-content-sha256"] ?? "").startsWith("STREAMING-");
  if (chunked) result = unchunk(result);
  if (encodings.includes("gzip") && service !== "s3") {
    try {
      result = gunzipSync(result);
    } catch {
      throw new WrongType("", "a gzip body, as Content-Encoding says", body);
    }
  }
  return result;
}

/** `aws-chunked`: hexadecimal size, optional signature, CRLF, data, CRLF, …, `0`, trailing headers. */
function unchunk(bytes: Uint8Array): Uint8Array {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Buffer[] = [];
  let position = 0;
  for (;;) {
    const lineEnd = body.indexOf("\r\n", position);
    if (lineEnd === -1) break;
    const size = Number.parseInt(body.toString("latin1", position, lineEnd).split(";")[0] ?? "", 16);
    if (Number.isNaN(size)) throw new WrongType("", "an aws-chunked body", body);
    if (size === 0) break;
    parts.push(body.subarray(lineEnd + 2, lineEnd + 2 + size));
    position = lineEnd + 2 + size + 2;
  }
  return Buffer.concat(parts);
}

/** Reads the signature's scope from the Authorization header, or from the query of a presigned URL. */
export function readScope(request: HttpRequestParts): Scope | undefined {
  const header = request.headers.authorization;
  const credential =
    /Credential=([^,\s]+)/.exec(header ?? "")?.[1] ?? request.query.get("X-Amz-Credential") ?? undefined;
  if (credential === undefined) return undefined;
  const parts = credential.split("/");
  const multiRegion = header?.startsWith("AWS4-ECDSA") ?? false;
  return {
    accessKeyId: parts[0] ?? "",
    region: multiRegion ? undefined : parts[2],
    service: parts[multiRegion ? 2 : 3] ?? "",
  };
}

/** Only loopback names reach the server, so that no web page can talk to it by rebinding its own name to 127.0.0.1. */
export function assertLoopbackHost(host: string | undefined): void {
  const name = (host ?? "").replace(/:\d+$/, "").toLowerCase();
  if (name === "127.0.0.1" || name === "localhost" || name === "[::1]" || name.endsWith(".localhost")) return;
  throw new AwsError(
    "AccessDeniedException",
    `The local AWS answers only to 127.0.0.1 and localhost, not to Host: ${host ?? "(none)"}.`,
    {
      status: 403,
    },
  );
}
