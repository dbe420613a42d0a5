import type { VirtualClock } from "./clock.ts";
import { CredentialStore } from "./credentials.ts";
import { notImplemented } from "./errors.ts";
import { FaultInjector } from "./faults.ts";
import { SeededRandom } from "./random.ts";
import type { Caller, LocalService, Occurrence, Principal, RoleTaker, ServiceLinks, World } from "./service.ts";

export interface WorldOptions {
  clock: VirtualClock;
  /** Default `111122223333`, an account number that AWS reserves for documentation. */
  accountId?: string;
  /** Default `us-east-1`. */
  region?: string;
  /** Default 1. */
  seed?: string | number;
}

/** The emulated account: one clock, one source of chance, and the services registered with it. */
export class LocalWorld implements World {
  readonly accountId: string;
  readonly region: string;
  readonly partition = "aws" as const;
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly faults: FaultInjector;
  readonly links: ServiceLinks;
  readonly credentials: CredentialStore;
  readonly seed: string | number;
  endpoint: string | undefined;
  private readonly requestIds: SeededRandom;
  private readonly services = new Map<string, LocalService>();
  private readonly listeners = new Set<(occurrence: Occurrence) => void>();
  private readonly installed: Partial<ServiceLinks> = {};

  constructor(options: WorldOptions) {
    this.clock = options.clock;
    this.accountId = options.accountId ?? "111122223333";
    this.region = options.region ?? "us-east-1";
    this.seed = options.seed ?? 1;
    this.random = new SeededRandom(this.seed);
    this.requestIds = this.random.fork("requests");
    this.faults = new FaultInjector(this.clock, this.random.fork("faults"));
    this.credentials = new CredentialStore(this.random.fork("credentials"), {
      arn: `arn:aws:iam::${this.accountId}:user/operator`,
      accountId: this.accountId,
      kind: "user",
    });
    this.links = {
      recordMetric: (sample) => this.link("recordMetric")(sample),
      emitEvent: (event) => this.link("emitEvent")(event),
      writeLogs: (group, stream, lines) => this.link("writeLogs")(group, stream, lines),
      // Without CloudWatch Logs nobody subscribes.
      hasSubscribers: (group) => this.installed.hasSubscribers?.(group) ?? false,
      readObject: (bucket, key) => this.link("readObject")(bucket, key),
      // A world without IAM has nobody to ask.
      authorize: (request) => this.installed.authorize?.(request),
    };
  }

  install<K extends keyof ServiceLinks>(link: K, implementation: ServiceLinks[K]): void {
    this.installed[link] = implementation;
  }

  register(service: LocalService): void {
    if (this.services.has(service.name)) throw new Error(`service ${service.name} is registered twice`);
    this.services.set(service.name, service);
  }

  service(name: string): LocalService | undefined {
    return this.services.get(name);
  }

  allServices(): LocalService[] {
    return [...this.services.values()];
  }

  async call<Output>(
    serviceName: string,
    operation: string,
    input: Record<string, unknown>,
    principal: Principal,
    caller: Caller = {},
  ): Promise<Output> {
    const handler = this.services.get(serviceName)?.operations[operation];
    if (!handler) throw notImplemented(serviceName, operation);
    const requestId = caller.requestId ?? this.nextRequestId();
    const context = { principal, requestId, userAgent: caller.userAgent ?? "" };
    const target = {
      service: serviceName,
      operation,
      principalArn: principal.arn,
      input,
      invocation: caller.invocation ?? "",
    };
    return (await this.faults.around(target, async () => {
      this.links.authorize({ service: serviceName, operation, input, principal });
      return handler(input, context);
    })) as Output;
  }

  nextRequestId(): string {
    return this.requestIds.uuid();
  }

  announce(kind: string, detail: Record<string, unknown>): void {
    for (const listener of this.listeners) listener({ atMs: this.clock.now(), kind, detail });
  }

  observe(listener: (occurrence: Occurrence) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  servicePrincipal(name: string, sourceArn?: string): Principal {
    return { arn: name, accountId: this.accountId, kind: "service", ...(sourceArn && { sourceArn }) };
  }

  rolePrincipal(roleArn: string, sessionName: string, takenBy?: RoleTaker): Principal {
    const roleName = roleArn.split("/").at(-1) ?? roleArn;
    return {
      arn: `arn:aws:sts::${this.accountId}:assumed-role/${roleName}/${sessionName}`,
      accountId: this.accountId,
      kind: "role",
      roleArn,
      ...(takenBy && { assumedBy: takenBy.service }),
      ...(takenBy?.sourceArn && { sourceArn: takenBy.sourceArn }),
    };
  }

  async reset(): Promise<void> {
    this.faults.clear();
    for (const service of this.services.values()) await service.reset();
  }

  private link<K extends keyof ServiceLinks>(name: K): ServiceLinks[K] {
    const implementation = this.installed[name];
    if (!implementation) throw new Error(`no service of this world provides ${name}`);
    return implementation;
  }
}
