import { subscribe } from "node:diagnostics_channel";
import http from "node:http";
import https from "node:https";
import { syncBuiltinESMExports } from "node:module";
import { INVOCATION_HEADER, REQUEST_ID_HEADER } from "../protocol.ts";

interface Flight {
  id: string;
  /** The status line has arrived; what is left is the body, which the handler may never read. */
  answered: boolean;
}

/** Knows which HTTP requests of the handler are under way, and names each to the server. */
export class OutgoingRequests {
  private readonly flights = new Map<object, Flight>();
  /** For which invocation requests are made from now on. */
  invocation = "";
  private count = 0;
  private readonly prefix: string;
  private readonly onChange: () => void;

  constructor(prefix: string, onChange: () => void) {
    this.prefix = prefix;
    this.onChange = onChange;
    this.watchHttp();
    this.watchFetch();
  }

  /** Ids of the requests whose answer has not arrived. */
  waiting(): string[] {
    return [...this.flights.values()].filter((flight) => !flight.answered).map((flight) => flight.id);
  }

  /** Answers that are still being read. */
  receiving(): number {
    return [...this.flights.values()].filter((flight) => flight.answered).length;
  }

  private begin(request: object, setHeader: (name: string, value: string) => void): void {
    const flight = { id: `${this.prefix}-${++this.count}`, answered: false };
    this.flights.set(request, flight);
    setHeader(REQUEST_ID_HEADER, flight.id);
    setHeader(INVOCATION_HEADER, this.invocation);
    this.onChange();
  }

  private answer(request: object): void {
    const flight = this.flights.get(request);
    if (flight) flight.answered = true;
    this.onChange();
  }

  private end(request: object): void {
    this.flights.delete(request);
    this.onChange();
  }

  private watchHttp(): void {
    for (const module of [http, https]) {
      for (const method of ["request", "get"] as const) {
        const original = module[method] as (...args: unknown[]) => http.ClientRequest;
        const watched = (...args: unknown[]): http.ClientRequest => {
          const request = original(...args);
          this.begin(request, (name, value) => {
            // Headers given as an array are on their way already; such a request holds the clock until its answer.
            if (!request.headersSent) request.setHeader(name, value);
          });
          request.once("close", () => this.end(request));
          return request;
        };
        Object.assign(module, { [method]: watched });
      }
    }
    syncBuiltinESMExports();
    subscribe("http.client.response.finish", (message) => {
      this.answer((message as { request: object }).request);
    });
  }

  private watchFetch(): void {
    subscribe("undici:request:create", (message) => {
      const { request } = message as { request: { addHeader(name: string, value: string): void } };
      this.begin(request, (name, value) => request.addHeader(name, value));
    });
    const listen = (channel: string, then: (request: object) => void) =>
      subscribe(channel, (message) => then((message as { request: object }).request));
    listen("undici:request:headers", (request) => this.answer(request));
    listen("undici:request:trailers", (request) => this.end(request));
    listen("undici:request:error", (request) => this.end(request));
  }
}
