import { AwsError, notImplemented } from "../kernel/errors.ts";
import { byName, bySigningName, byTarget, byVersion, type ServiceEntry } from "./catalog.ts";
import { CBOR_FORMAT, decodeCbor, encodeCbor } from "./cbor.ts";
import type { WireFormat } from "./errors.ts";
import { xmlNamespace } from "./errors.ts";
import { JSON_FORMAT, readStructure, writeValue } from "./json.ts";
import { loadModel, type OperationModel, type ServiceModel } from "./model.ts";
import { parseForm, readQueryInput } from "./query.ts";
import type { Scope } from "./request.ts";
import {
  type HttpReply,
  type HttpRequestParts,
  matchRoute,
  parseJsonObject,
  readRestInput,
  writeRestOutput,
} from "./rest.ts";
import { writeMembers } from "./xml.ts";

/** Where a request goes, before its body is read. */
export interface Destination {
  /** Undefined when no service of the catalog is meant. */
  entry: ServiceEntry | undefined;
  format: WireFormat;
  /** For messages about what is not implemented. */
  serviceName: string;
  /** Undefined for REST services, whose path tells. */
  operationName: string | undefined;
  form: ReadonlyMap<string, string> | undefined;
  /** The client wants `x-amzn-query-error` on errors. */
  queryMode: boolean;
}

const APPCONFIGDATA_PATH = /^\/configuration(sessions)?\/?$/;
const CBOR_PATH = /^\/service\/([^/]+)\/operation\/([^/]+)$/;

export function identify(request: HttpRequestParts, scope: Scope | undefined, body: Uint8Array): Destination {
  const queryMode = request.headers["x-amzn-query-mode"] === "true";
  const common = { form: undefined, queryMode };
  const target = request.headers["x-amz-target"];
  if (target !== undefined) {
    const [prefix = "", operationName = ""] = target.split(".");
    const entry = byTarget.get(prefix);
    return { ...common, entry, format: "json", serviceName: entry?.name ?? scope?.service ?? prefix, operationName };
  }
  const cborPath = CBOR_PATH.exec(request.path);
  if (cborPath && request.headers["smithy-protocol"] === "rpc-v2-cbor") {
    const entry = byTarget.get(cborPath[1] ?? "");
    return {
      ...common,
      entry,
      format: "cbor",
      serviceName: entry?.name ?? cborPath[1] ?? "",
      operationName: cborPath[2],
    };
  }
  const isForm = (request.headers["content-type"] ?? "").startsWith("application/x-www-form-urlencoded");
  if ((isForm && scope?.service !== "s3") || request.query.has("Action")) {
    const form = new Map([...request.query, ...parseForm(new TextDecoder().decode(body))]);
    const entry = byVersion.get(form.get("Version") ?? "") ?? bySigningName.get(scope?.service ?? "");
    const serviceName = entry?.name ?? scope?.service ?? "an unnamed service";
    return { entry, format: "query", serviceName, operationName: form.get("Action") ?? "", form, queryMode: false };
  }
  const isData = scope?.service === "appconfig" && APPCONFIGDATA_PATH.test(request.path);
  const entry = isData ? byName.get("appconfigdata") : bySigningName.get(scope?.service ?? "s3");
  const format = entry?.protocol === "restXml" ? "rest-xml" : "rest-json";
  return { ...common, entry, format, serviceName: entry?.name ?? scope?.service ?? "", operationName: undefined };
}

export interface ParsedRequest {
  model: ServiceModel;
  operation: OperationModel;
  input: Record<string, unknown>;
}

/** Loads the service's schemas and reads the input. Throws AwsError 501 for what AWS's model does not have either. */
export async function parse(to: Destination, request: HttpRequestParts, body: Uint8Array): Promise<ParsedRequest> {
  const route = `${request.method} ${request.path}`;
  if (!to.entry) throw notImplemented(to.serviceName, to.operationName || route);
  const model = await loadModel(to.entry);
  if (to.operationName === undefined) {
    const match = to.entry.protocol.startsWith("rest") ? matchRoute(model, request) : undefined;
    if (!match) throw notImplemented(to.serviceName, route);
    return { model, operation: match.operation, input: readRestInput(model, match, { ...request, body }) };
  }
  const operation = model.operations.get(to.operationName);
  if (!operation) throw notImplemented(to.serviceName, to.operationName);
  return { model, operation, input: readInput(to, operation, body) };
}

function readInput(to: Destination, operation: OperationModel, body: Uint8Array): Record<string, unknown> {
  if (!operation.input.isStructSchema()) return {};
  if (to.form) return readQueryInput(operation.input, to.form);
  const decoded = to.format === "cbor" ? decodeCbor(body) : parseJsonObject(new TextDecoder().decode(body));
  return readStructure(operation.input, decoded);
}

export function writeReply(
  to: Destination,
  { model, operation }: ParsedRequest,
  output: unknown,
  requestId: string,
): HttpReply {
  if (to.format === "rest-json" || to.format === "rest-xml") return writeRestOutput(model, operation, output);
  const structured = operation.output.isStructSchema();
  if (to.format === "query") {
    const result = structured
      ? `<${operation.name}Result>${writeMembers(operation.output, output ?? {})}</${operation.name}Result>`
      : "";
    const metadata = `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>`;
    const name = `${operation.name}Response`;
    const body = `<${name} xmlns="${xmlNamespace(model)}">${result}${metadata}</${name}>`;
    return { status: 200, headers: { "content-type": "text/xml" }, body };
  }
  if (to.format === "cbor") {
    const body = encodeCbor(structured ? writeValue(operation.output, output ?? {}, CBOR_FORMAT) : {});
    return { status: 200, headers: { "content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor" }, body };
  }
  const version = model.entry.protocol === "awsJson1_0" ? "1.0" : "1.1";
  // Operations without output answer with an empty body in JSON 1.1 and with `{}` in 1.0; clients accept both.
  const body = structured
    ? JSON.stringify(writeValue(operation.output, output ?? {}, JSON_FORMAT))
    : version === "1.0"
      ? "{}"
      : "";
  return { status: 200, headers: { "content-type": `application/x-amz-json-${version}` }, body };
}

/** Credentials must be there, and signed for this world's region; whose they are is the credential store's question. */
export function checkScope(to: Destination, scope: Scope | undefined, region: string): Scope {
  if (!scope) {
    throw new AwsError(
      to.entry?.name === "s3" ? "AccessDenied" : "MissingAuthenticationToken",
      "The request is not signed. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (any values) and use an AWS client.",
      { status: 403 },
    );
  }
  const wrongRegion = scope.region !== undefined && scope.region !== region;
  if (wrongRegion && !(to.entry?.global && scope.region === "us-east-1")) {
    throw new AwsError(
      "InvalidSignatureException",
      `The request is signed for region ${scope.region}, but this local AWS is region ${region}. ` +
        `Set AWS_REGION=${region}, or start the local AWS with --region ${scope.region}.`,
      { status: 400 },
    );
  }
  return scope;
}
