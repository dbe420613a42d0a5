import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { IncomingMessage, ServerResponse } from "node:http";
import { REQUEST_ID_HEADER } from "./protocol.ts";

/** Where a handler's request is: on its way, being worked on by a server of this process, or on its way back. */
export type RequestPlace = "sent" | "at-server" | "answered";

type Listener = (place: RequestPlace, requestId: string) => void;

/**
 * A request holds the clock while it is on the wire, not while a server of this process works on it: the server's work
 * is visible to the clock, and may itself wait for virtual time (a synchronous Invoke, an injected latency).
 * Watches all HTTP servers of the process, so that servers need not know of it.
 */
class RequestWatch {
  private readonly places = new Map<string, RequestPlace>();
  private readonly listeners = new Map<string, Listener>();

  /** Calls `listener` for the requests whose ids start with `environmentId-`; returns how to stop. */
  listen(environmentId: string, listener: Listener): () => void {
    if (this.listeners.size === 0) subscribe("http.server.request.start", this.onRequest);
    this.listeners.set(environmentId, listener);
    return () => {
      this.listeners.delete(environmentId);
      for (const id of this.places.keys()) if (environmentOf(id) === environmentId) this.places.delete(id);
      if (this.listeners.size === 0) unsubscribe("http.server.request.start", this.onRequest);
    };
  }

  place(requestId: string): RequestPlace {
    return this.places.get(requestId) ?? "sent";
  }

  private move(requestId: string, place: RequestPlace): void {
    this.places.set(requestId, place);
    this.listeners.get(environmentOf(requestId))?.(place, requestId);
  }

  private readonly onRequest = (message: unknown): void => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
    const header = request.headers[REQUEST_ID_HEADER];
    if (typeof header !== "string" || !this.listeners.has(environmentOf(header))) return;
    // Until the body is read the request is still on the wire.
    request.once("end", () => {
      if (this.place(header) === "sent") this.move(header, "at-server");
    });
    const answering = () => {
      if (this.place(header) !== "answered") this.move(header, "answered");
    };
    for (const method of ["writeHead", "write", "end"] as const) {
      const original = response[method] as (...args: unknown[]) => unknown;
      Object.assign(response, {
        [method]: (...args: unknown[]) => {
          answering();
          return original.apply(response, args);
        },
      });
    }
    response.once("close", () => {
      answering();
      this.places.delete(header);
    });
  };
}

const environmentOf = (requestId: string) => requestId.slice(0, requestId.lastIndexOf("-"));

export const requestWatch = new RequestWatch();
