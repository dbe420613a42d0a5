import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { AwsError, notImplemented } from "../kernel/errors.ts";
import type { LocalWorld } from "../kernel/world.ts";
import { INVOCATION_HEADER } from "../runtime/protocol.ts";
import { CONTROL_PREFIX, type ControlActions, handleControl } from "./control.ts";
import { renderError } from "./errors.ts";
import { WrongType } from "./json.ts";
import { loadModel, type ServiceModel } from "./model.ts";
import { checkScope, type Destination, identify, type ParsedRequest, parse, writeReply } from "./protocol.ts";
import { assertLoopbackHost, decodeBody, readRequest, readScope, type Scope } from "./request.ts";
import type { HttpReply, HttpRequestParts } from "./rest.ts";
import { requireMembers } from "./validate.ts";

export interface LocalServer {
  port: number;
  endpoint: string;
  close(): Promise<void>;
}

/**
 * Serves a world over HTTP on 127.0.0.1. The clock does not move between the arrival of a request and the start of its
 * handler, nor while the reply is being written. Rejects with the listen error (EADDRINUSE) when the port is taken.
 */
export async function startServer(world: LocalWorld, port: number, control: ControlActions): Promise<LocalServer> {
  const server = createServer((message, response) => {
    void answer(world, control, message, response);
  });
  // Lambda invocations may take 15 virtual minutes; nothing here times out in real time.
  server.requestTimeout = 0;
  server.headersTimeout = 0;
  await listen(server, port);
  const actual = (server.address() as AddressInfo).port;
  const endpoint = `http://127.0.0.1:${actual}`;
  world.endpoint = endpoint;
  return { port: actual, endpoint, close: () => close(server) };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function answer(world: LocalWorld, control: ControlActions, message: IncomingMessage, response: ServerResponse) {
  const requestId = world.nextRequestId();
  const reply = await handle(world, control, message, requestId).catch((error: unknown) => {
    const body = JSON.stringify({ __type: "InternalFailure", message: describe(error) });
    return { status: 500, headers: { "content-type": "application/json" }, body };
  });
  // Not as `Date`: the SDK takes a reply that is minutes off for a wrong clock of its own, and the CDK CLI then waits
  // without end for an update during which virtual time runs (seen with 2.1148.1).
  const virtualDate = new Date(world.clock.now()).toUTCString();
  await world.clock.whileBusy(() =>
    send(
      response,
      { ...reply, headers: { "x-goaround-date": virtualDate, ...reply.headers } },
      requestId,
      message.method === "HEAD",
    ),
  );
}

function send(response: ServerResponse, reply: HttpReply, requestId: string, headOnly: boolean): Promise<void> {
  return new Promise((resolve) => {
    response.once("close", resolve);
    const body = typeof reply.body === "string" ? Buffer.from(reply.body) : reply.body;
    const length =
      reply.status === 204 || (headOnly && reply.headers["content-length"]) ? {} : { "content-length": body.length };
    response.writeHead(reply.status, {
      "x-amzn-requestid": requestId,
      "x-amz-request-id": requestId,
      ...length,
      ...reply.headers,
    });
    response.end(headOnly || reply.status === 204 ? undefined : body);
  });
}

interface Arrived {
  request: HttpRequestParts;
  scope: Scope;
  destination: Destination;
  parsed: ParsedRequest;
}

async function handle(
  world: LocalWorld,
  control: ControlActions,
  message: IncomingMessage,
  requestId: string,
): Promise<HttpReply> {
  const known: { destination?: Destination; model?: ServiceModel } = {};
  try {
    const request = await world.clock.whileBusy(() => readRequest(message));
    assertLoopbackHost(request.headers.host);
    if (request.path.startsWith(CONTROL_PREFIX)) return await handleControl(control, request);
    const { scope, destination, parsed } = await world.clock.whileBusy(() => arrive(world, request, known));
    const { name } = parsed.model.entry;
    if (!world.service(name)?.operations[parsed.operation.name]) throw notImplemented(name, parsed.operation.name);
    requireMembers(parsed.model, parsed.operation, parsed.input);
    const principal = world.credentials.principalFor(scope.accessKeyId);
    const caller = {
      userAgent: request.headers["user-agent"] ?? "",
      requestId,
      invocation: request.headers[INVOCATION_HEADER] ?? "",
    };
    const output = await world.call(name, parsed.operation.name, parsed.input, principal, caller);
    return writeReply(destination, parsed, output, requestId);
  } catch (error) {
    const { destination } = known;
    const awsError = asAwsError(error, destination);
    return renderError(
      awsError,
      destination?.format ?? "rest-json",
      requestId,
      known.model,
      destination?.queryMode ?? false,
    );
  }
}

async function arrive(
  world: LocalWorld,
  request: HttpRequestParts,
  known: { destination?: Destination; model?: ServiceModel },
): Promise<Arrived> {
  const claimed = readScope(request);
  const body = decodeBody(request, claimed?.service);
  const destination = identify(request, claimed, body);
  known.destination = destination;
  if (destination.entry) known.model = await loadModel(destination.entry);
  const scope = checkScope(destination, claimed, world.region);
  return { request, scope, destination, parsed: await parse(destination, request, body) };
}

function asAwsError(error: unknown, destination: Destination | undefined): AwsError {
  if (error instanceof AwsError) return error;
  if (error instanceof WrongType) {
    const code =
      destination?.format === "query"
        ? "MalformedInput"
        : destination?.format === "rest-xml"
          ? "MalformedXML"
          : "SerializationException";
    return new AwsError(code, error.message);
  }
  // A defect of the local AWS, not of the caller: say so with the place.
  return new AwsError("InternalFailure", describe(error), { status: 500 });
}

function describe(error: unknown): string {
  return `The local AWS failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
