import type { Clock } from "./clock.ts";
import type { CredentialStore } from "./credentials.ts";
import type { FaultInjector } from "./faults.ts";
import type { SeededRandom } from "./random.ts";

/** Who makes a request. */
export interface Principal {
  /** `arn:aws:iam::…:user/operator`, `arn:aws:sts::…:assumed-role/Role/session`, or a service name. */
  arn: string;
  accountId: string;
  kind: "user" | "role" | "service";
  /** The role behind an assumed-role session. */
  roleArn?: string;
  /** The AWS service that took the role, which the role must trust. Absent for sessions that STS gave out. */
  assumedBy?: string;
  /** The resource on whose behalf an AWS service acts: `aws:SourceArn`. */
  sourceArn?: string;
}

/** A service that acts in a role, and for which of its resources. */
export interface RoleTaker {
  service: string;
  sourceArn?: string;
}

/** A request that is about to be carried out. */
export interface AuthorizationRequest {
  /** Client package name, as in `World.call`. */
  service: string;
  operation: string;
  // biome-ignore lint/suspicious/noExplicitAny: each service's rules narrow its operations' inputs, as its handlers do
  input: any;
  principal: Principal;
}

export interface RequestContext {
  principal: Principal;
  requestId: string;
  /** From the User-Agent header; empty for calls made inside the process. */
  userAgent: string;
}

/** What the transport knows about a request beyond its principal; calls inside the process need none of it. */
export interface Caller {
  userAgent?: string;
  requestId?: string;
  /** The invocation of a function that makes the call, the same text in every run of the same world. */
  invocation?: string;
}

/** One operation: parsed input in (the SDK's `…CommandInput` shape, Dates as Date, blobs as Uint8Array), output out. */
// biome-ignore lint/suspicious/noExplicitAny: each service narrows its operations' inputs to the SDK's own types
export type OperationHandler = (input: any, context: RequestContext) => unknown | Promise<unknown>;

export interface LocalService {
  /** The name of the SDK client package after `client-`: `codedeploy`, `cloudwatch-logs` … */
  readonly name: string;
  readonly operations: Readonly<Record<string, OperationHandler>>;
  /** Forgets everything; the clock keeps running. */
  reset(): void | Promise<void>;
  close?(): Promise<void>;
}

/** An event as services put it on the default bus; the bus adds id, time, account and region. */
export interface ServiceEvent {
  source: string;
  detailType: string;
  resources: string[];
  detail: Record<string, unknown>;
}

/** One sample, or `values.length` of them, of a metric at one time. */
export interface MetricSample {
  namespace: string;
  name: string;
  dimensions: Record<string, string>;
  /** The time the samples belong to (for AWS/Lambda the invocation's start), epoch milliseconds. */
  timestampMs: number;
  values: readonly number[];
  /** How often each value occurred; 1 each by default. */
  counts?: readonly number[];
  unit?: string;
  storageResolutionSeconds?: 1 | 60;
  /** When the sample becomes readable; at once by default. AWS/Lambda uses the publication lag. */
  visibleAtMs?: number;
}

export interface LogLine {
  timestampMs: number;
  message: string;
}

/** What services do for each other below the API. Each is installed by the service that owns it. */
export interface ServiceLinks {
  /** Owned by CloudWatch. */
  recordMetric(sample: MetricSample): void;
  /** Owned by EventBridge: puts an event of an AWS service on the default bus. */
  emitEvent(event: ServiceEvent): void;
  /** Owned by CloudWatch Logs: creates group and stream when missing; extracts embedded metrics. */
  writeLogs(logGroup: string, logStream: string, lines: readonly LogLine[]): void;
  /** Owned by CloudWatch Logs: whether somebody gets a log group's new events. */
  hasSubscribers(logGroup: string): boolean;
  /** Owned by S3: the object's bytes, or undefined. */
  readObject(bucket: string, key: string): Uint8Array | undefined;
  /** Owned by IAM: throws the denial of a request that its principal may not make. */
  authorize(request: AuthorizationRequest): void;
}

/** Something that happened in the world, for people who watch (timelines, `npm run local` output). */
export interface Occurrence {
  atMs: number;
  /** `alias-updated`, `deployment-status`, `lifecycle-event`, `alarm-state`, `flag-deployment`, `notification` … */
  kind: string;
  detail: Record<string, unknown>;
}

export interface World {
  readonly accountId: string;
  readonly region: string;
  readonly partition: "aws";
  readonly clock: Clock;
  /** Seeded; `fork(name)` gives a stream that does not depend on what others draw. */
  readonly random: SeededRandom;
  readonly faults: FaultInjector;
  readonly links: ServiceLinks;
  readonly credentials: CredentialStore;
  /** `http://127.0.0.1:PORT`, once the server listens. */
  endpoint: string | undefined;
  install<K extends keyof ServiceLinks>(link: K, implementation: ServiceLinks[K]): void;
  register(service: LocalService): void;
  service(name: string): LocalService | undefined;
  /**
   * Calls another service as `principal`, through the same pipeline as a request over HTTP: faults, the principal's
   * rights, then the handler.
   * Throws AwsError. Use it wherever real AWS makes an API call with a role (CodeDeploy → lambda UpdateAlias).
   */
  call<Output = Record<string, unknown>>(
    service: string,
    operation: string,
    input: Record<string, unknown>,
    principal: Principal,
    caller?: Caller,
  ): Promise<Output>;
  /** Tells observers; has no effect inside the world. */
  announce(kind: string, detail: Record<string, unknown>): void;
  observe(listener: (occurrence: Occurrence) => void): () => void;
  /** An AWS service by its own name, for one of its resources where it tells which. */
  servicePrincipal(name: string, sourceArn?: string): Principal;
  rolePrincipal(roleArn: string, sessionName: string, takenBy?: RoleTaker): Principal;
}
