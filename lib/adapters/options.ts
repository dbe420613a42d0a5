import { StandardRetryStrategy } from "@smithy/core/retry";
import type { ServiceClock } from "./clock.ts";

/** How the adapters reach AWS. Everything left out comes from the SDK's own chain (environment, profile, role). */
export interface AdapterOptions {
  region?: string;
  /** One endpoint for every service: the local AWS. */
  endpoint?: string;
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** A profile of the shared configuration files; ignored when `credentials` are given. */
  profile?: string;
  /** Attempts per call, the first included. Default 5, and 10 of one that is throttled. */
  maxAttempts?: number;
  /**
   * Milliseconds until a call without an answer, or whose answer stalls on the way, is given up. Default 10 000: no
   * control-plane call takes longer.
   */
  requestTimeoutMs?: number;
  /** Aborts every call in flight. */
  signal?: AbortSignal;
  /** Appended to `goaround` in the user agent, so that CloudTrail tells who acted (`rollback`, `respond` …). */
  actor?: string;
  /** Follows the time of the services' replies; default: the computer's own clock is believed, as in a Lambda. */
  clock?: ServiceClock;
  /** Every request goes through it. */
  calls?: CallObserver;
  /** Answers every call in place of AWS, the SDK's retries included: a local world in the same process. */
  answer?: Answer;
}

export interface CallObserver {
  /** Sends each attempt, repeated ones too, when it sees fit. `Lambda`, `UpdateAlias`. */
  around<T>(service: string, operation: string, send: () => Promise<T>): Promise<T>;
}

/** Gives an operation's output, or throws as the SDK does. `client` and `command` are the SDK's class names. */
export type Answer = (call: { client: string; command: string; input: object }) => Promise<object>;

const CONNECTION_TIMEOUT_MS = 3000;

/** Attempts of a call, the first included: about 1 s of backoff, and 50 s where no attempt is answered. */
export const ATTEMPTS = 5;
/**
 * … and of one that is throttled. When three in five attempts are, five leave 8 % of all calls unanswered, and ten 0.6 %. All ten take
 * 45 s on average; beginning the run again would take longer.
 */
export const THROTTLED_ATTEMPTS = 10;

/** The SDK takes it for a throttled call; CloudWatch Logs and DynamoDB say by it that a quota is used up, also later on. */
const QUOTA_USED_UP = "LimitExceededException";

/** The SDK's own way of trying again, which gives up sooner where nobody asks for patience. */
class PatientWhenThrottled extends StandardRetryStrategy {
  override async refreshRetryTokenForRetry(
    ...[token, error]: Parameters<StandardRetryStrategy["refreshRetryTokenForRetry"]>
  ) {
    // The SDK takes any error for "no more attempts" and throws what the service answered.
    if ((error.error as Error | undefined)?.name === QUOTA_USED_UP) throw new Error("trying again changes nothing");
    if (error.errorType !== "THROTTLING" && token.getRetryCount() + 1 >= ATTEMPTS) throw new Error("no more attempts");
    return super.refreshRetryTokenForRetry(token, error);
  }
}

/** The constructor argument that all SDK clients share. */
export function clientConfig(options: AdapterOptions) {
  const timeoutMs = options.requestTimeoutMs ?? 10_000;
  return {
    ...(options.region === undefined ? {} : { region: options.region }),
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    ...(options.profile === undefined ? {} : { profile: options.profile }),
    retryStrategy: new PatientWhenThrottled(options.maxAttempts ?? THROTTLED_ATTEMPTS),
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: timeoutMs,
      throwOnRequestTimeout: true,
      // The one above ends with the headers.
      socketTimeout: timeoutMs,
    },
    customUserAgent: options.actor === undefined ? "goaround" : `goaround/${options.actor}`,
  };
}

/** What all SDK clients share, of the part that is used here. */
interface Client {
  middlewareStack: {
    add(
      middleware: (next: Handler, context: { clientName?: string; commandName?: string }) => Handler,
      options: { name: string; step: "deserialize"; priority: "low" },
    ): void;
  };
  send(command: { input: object }): Promise<unknown>;
}

type Handler = (args: never) => Promise<{ response: unknown }>;
type Reply = { headers?: Readonly<Record<string, string>> } | undefined;

/** An SDK client that reaches AWS as the options say. */
export function connect<T extends object>(
  Client: new (config: ReturnType<typeof clientConfig>) => T & Client,
  options: AdapterOptions,
): T {
  const { answer } = options;
  const make = () => new Client(clientConfig(options));
  if (!answer) return watched(make(), options);
  // Not a middleware, and made only when asked for its region: a million calls would make and resolve many clients.
  const send: Client["send"] = (command) =>
    answer({ client: Client.name, command: command.constructor.name, input: command.input });
  const made = lazy(make);
  const config = { get: () => (made() as { config?: unknown }).config };
  // Pagination asks for the class.
  return Object.create(Client.prototype, { send: { value: send }, config }) as T;
}

/** Tells `options.calls` of every request, and `options.clock` the time of every reply, those that are errors too. */
export function watched<T extends object>(client: T & Client, { clock, calls }: AdapterOptions): T {
  if (!clock && !calls) return client;
  const watch =
    (next: Handler, { clientName = "", commandName = "" }: { clientName?: string; commandName?: string }): Handler =>
    async (args) => {
      const send = () => next(args);
      const result = calls
        ? await calls.around(clientName.replace(/Client$/, ""), commandName.replace(/Command$/, ""), send)
        : await send();
      const headers = (result.response as Reply)?.headers;
      // The local AWS tells its virtual time apart from the time of its transport.
      clock?.heard(headers?.["x-goaround-date"] ?? headers?.date);
      return result;
    };
  // Low priority is next to the wire: each attempt passes here, and the reply is seen before its parsing can throw.
  client.middlewareStack.add(watch, { name: "watched", step: "deserialize", priority: "low" });
  return client;
}

/** Makes a value at its first use: a Lambda that never touches flags never builds an AppConfig client. */
export function lazy<T>(make: () => T): () => T {
  let value: { made: T } | undefined;
  return () => {
    value ??= { made: make() };
    return value.made;
  };
}
