import type { AwsError } from "../kernel/errors.ts";
import { CBOR_FORMAT, encodeCbor } from "./cbor.ts";
import { JSON_FORMAT, type ValueFormat, writeValue } from "./json.ts";
import { type ErrorModel, type ServiceModel, traitsOf } from "./model.ts";
import { type HttpReply, headerText } from "./rest.ts";
import { escapeXml, writeMembers } from "./xml.ts";

/** How a request asked to be answered; errors go into that protocol's own place. */
export type WireFormat = "json" | "rest-json" | "query" | "rest-xml" | "cbor";

export function renderError(
  error: AwsError,
  format: WireFormat,
  requestId: string,
  model: ServiceModel | undefined,
  queryMode: boolean,
): HttpReply {
  const known = model?.errors.get(error.code) ?? findByQueryCode(model, error.code);
  // 400 is AwsError's default; where the model knows a status for the shape, the model is right.
  const status = error.status === 400 ? (known?.status ?? 400) : error.status;
  const fault = status >= 500 ? "server" : "client";
  const queryCode = error.queryCode ?? known?.queryCode ?? error.code;
  const headers: Record<string, string> = {};
  for (const [name, member] of known?.schema.structIterator() ?? []) {
    const header = traitsOf(member).httpHeader;
    if (header && error.members[name] !== undefined)
      headers[header.toLowerCase()] = headerText(member, error.members[name]);
  }
  if (format === "query" || format === "rest-xml") {
    headers["content-type"] = format === "query" ? "text/xml" : "application/xml";
    return { status, headers, body: xmlError(error, known, format, requestId, fault, queryCode, model) };
  }
  const code = known?.name ?? error.code;
  if (queryMode) headers["x-amzn-query-error"] = `${queryCode};${fault === "client" ? "Sender" : "Receiver"}`;
  const body = errorMembers(error, known, fault, format === "cbor" ? CBOR_FORMAT : JSON_FORMAT);
  if (format === "rest-json") {
    headers["x-amzn-errortype"] = code;
    headers["content-type"] = "application/json";
    return { status, headers, body: JSON.stringify(body) };
  }
  // Services on JSON 1.0 and CBOR qualify the shape's name with its namespace; clients cut at `#`.
  const qualified = model && known && (format === "cbor" || model.entry.protocol === "awsJson1_0");
  const typed = { __type: qualified ? `${model.namespace}#${code}` : code, ...body };
  if (format === "cbor") {
    headers["content-type"] = "application/cbor";
    headers["smithy-protocol"] = "rpc-v2-cbor";
    return { status, headers, body: encodeCbor(typed) };
  }
  headers["content-type"] =
    model?.entry.protocol === "awsJson1_0" ? "application/x-amz-json-1.0" : "application/x-amz-json-1.1";
  return { status, headers, body: JSON.stringify(typed) };
}

function findByQueryCode(model: ServiceModel | undefined, code: string): ErrorModel | undefined {
  if (!model) return undefined;
  return [...model.errors.values()].find((known) => known.queryCode === code);
}

/** `message` is spelt `Message` where the model does (Lambda's ResourceNotFoundException, for one). */
function errorMembers(error: AwsError, known: ErrorModel | undefined, fault: string, format: ValueFormat) {
  // Members that the model lacks go out as they are: the services' recorded errors have some that no model names.
  const body: Record<string, unknown> = { ...error.members };
  let messageKey = "message";
  for (const [name, member] of known?.schema.structIterator() ?? []) {
    if (name.toLowerCase() === "message") messageKey = name;
    else if (traitsOf(member).httpHeader) delete body[name];
    else if (error.members[name] !== undefined) body[name] = writeValue(member, error.members[name], format);
    else if (name === "Type") body[name] = fault === "client" ? "User" : "Service";
  }
  // Where a service was recorded without a text there is none, or an explicit null.
  if (error.message !== "") body[messageKey] = error.message;
  if (error.members.Type === null) delete body.Type;
  return body;
}

function xmlError(
  error: AwsError,
  known: ErrorModel | undefined,
  format: "query" | "rest-xml",
  requestId: string,
  fault: string,
  queryCode: string,
  model: ServiceModel | undefined,
): string {
  const members = known ? writeMembers(known.schema, { ...error.members, Message: undefined, message: undefined }) : "";
  const message = error.message === "" ? "" : `<Message>${escapeXml(error.message)}</Message>`;
  const text = `<Code>${escapeXml(queryCode)}</Code>${message}${members}`;
  if (format === "rest-xml") {
    const extra = Object.entries(error.members).filter(([name]) => !members.includes(`<${name}>`));
    const extraXml = extra.map(([name, value]) => `<${name}>${escapeXml(String(value))}</${name}>`).join("");
    return `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${text}${extraXml}<RequestId>${requestId}</RequestId></Error>`;
  }
  const type = fault === "client" ? "Sender" : "Receiver";
  return `<ErrorResponse xmlns="${xmlNamespace(model)}"><Error><Type>${type}</Type>${text}</Error><RequestId>${requestId}</RequestId></ErrorResponse>`;
}

/** Hosts in the XML namespaces of the query services (`xmlNamespace` in each client's runtime configuration). */
const XML_HOST: Record<string, string> = {
  cloudwatch: "http://monitoring.amazonaws.com",
  sqs: "http://queue.amazonaws.com",
  sts: "https://sts.amazonaws.com",
  iam: "https://iam.amazonaws.com",
};

export function xmlNamespace(model: ServiceModel | undefined): string {
  const name = model?.entry.name ?? "local";
  return `${XML_HOST[name] ?? `http://${name}.amazonaws.com`}/doc/${model?.entry.version ?? ""}/`;
}
