import type { SeededRandom } from "../../kernel/random.ts";
import type { World } from "../../kernel/service.ts";
import { notFound } from "./errors.ts";
import type {
  ApplicationRecord,
  DeploymentRecord,
  EnvironmentRecord,
  HostedVersionRecord,
  ProfileRecord,
  Settings,
  StrategyRecord,
} from "./model.ts";
import { predefinedStrategies } from "./strategies.ts";

/** Everything the local AppConfig remembers, and the look-ups of its operations. */
export class AppConfigStore {
  readonly applications = new Map<string, ApplicationRecord>();
  readonly strategies = new Map<string, StrategyRecord>();
  /** By ARN. */
  readonly tags = new Map<string, Record<string, string>>();
  settings: Settings = defaultSettings();
  private readonly world: World;
  private readonly random: SeededRandom;

  constructor(world: World) {
    this.world = world;
    this.random = world.random.fork("appconfig/ids");
    this.clear();
  }

  clear(): void {
    for (const deployment of this.allDeployments()) for (const timer of deployment.timers) timer.cancel();
    this.applications.clear();
    this.strategies.clear();
    this.tags.clear();
    this.settings = defaultSettings();
    for (const strategy of predefinedStrategies()) this.strategies.set(strategy.id, strategy);
  }

  now(): Date {
    return new Date(this.world.clock.now());
  }

  /** Ids are 4 to 7 lower-case letters and digits (service model). */
  newId(): string {
    return this.random.text(7);
  }

  allDeployments(): DeploymentRecord[] {
    return [...this.applications.values()].flatMap((application) =>
      [...application.environments.values()].flatMap((environment) => environment.deployments),
    );
  }

  application(id: string | undefined): ApplicationRecord {
    const record = this.applications.get(id ?? "");
    if (!record) throw notFound("Application");
    return record;
  }

  environment(applicationId: string | undefined, id: string | undefined): EnvironmentRecord {
    const record = this.application(applicationId).environments.get(id ?? "");
    if (!record) throw notFound("Environment");
    return record;
  }

  profile(applicationId: string | undefined, id: string | undefined): ProfileRecord {
    const record = this.application(applicationId).profiles.get(id ?? "");
    if (!record) throw notFound("Configuration Profile");
    return record;
  }

  strategy(id: string | undefined): StrategyRecord {
    const record = this.strategies.get(id ?? "");
    if (!record) throw notFound("Deployment Strategy");
    return record;
  }

  deployment(environment: EnvironmentRecord, number: number | undefined): DeploymentRecord {
    const record = environment.deployments.find((deployment) => deployment.number === Number(number));
    if (!record) throw notFound("Deployment");
    return record;
  }

  /** By number, or by label when the text is not a number. */
  hostedVersion(profile: ProfileRecord, version: string | number | undefined): HostedVersionRecord {
    const text = String(version ?? "");
    const record = /^\d+$/.test(text)
      ? profile.versions.get(Number(text))
      : [...profile.versions.values()].find((candidate) => candidate.label === text);
    if (!record) throw notFound("Hosted Configuration Version");
    return record;
  }

  arn(resource: string): string {
    return `arn:${this.world.partition}:appconfig:${this.world.region}:${this.world.accountId}:${resource}`;
  }

  setTags(resource: string, tags: Record<string, string> | undefined): void {
    if (tags && Object.keys(tags).length > 0) this.tags.set(this.arn(resource), { ...tags });
  }
}

/** Off, with an hour of protection when it is switched on (API reference, DeletionProtectionSettings, 2025). */
const defaultSettings = (): Settings => ({ DeletionProtection: { Enabled: false, ProtectionPeriodInMinutes: 60 } });

/** A page of a list: 50 unless the caller wants fewer. */
export function pageOf<T>(
  items: readonly T[],
  input: { MaxResults?: number | undefined; NextToken?: string | undefined },
): { items: T[]; nextToken: string | undefined } {
  const size = Math.min(Math.max(input.MaxResults ?? 50, 1), 50);
  const start = input.NextToken ? Number(Buffer.from(input.NextToken, "base64").toString()) || 0 : 0;
  const end = start + size;
  return {
    items: items.slice(start, end),
    nextToken: end < items.length ? Buffer.from(String(end)).toString("base64") : undefined,
  };
}
