import { flagHashes } from "../../lib/adapters/flag-hashes.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import type { Clock, FlagContent, FlagDeployment, FlagDocument, FlagsPort, FlagTarget } from "../../lib/core/ports.ts";
import { Calls } from "./faults.ts";

interface Running extends FlagDeployment {
  content: FlagDocument;
}

/**
 * AppConfig as the decisions see it: one application, environment and profile. Behaviour: `deployed` is the content of
 * the last complete deployment; a deployment with the kill strategy completes after one second, any other after
 * `slowMs`; a second one meanwhile is a conflict; a stop rolls back; a deployment rolls back when a monitored alarm is
 * red with its actions enabled (`redMonitors`).
 */
export class FakeFlags implements FlagsPort {
  readonly calls = new Calls();
  readonly target: FlagTarget = { applicationId: "app1", environmentId: "env1", profileId: "prf1" };
  readonly versions = new Map<number, Record<string, unknown>>();
  readonly deployments: Running[] = [];
  readonly monitorNames: string[] = [];
  redMonitors: () => string[] = () => [];
  current: FlagDocument | undefined;
  slowMs = 600_000;
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Deploys values without anyone asking: `{ new_api: true }`. */
  given(values: Record<string, boolean>, deployedAt = this.clock.now()): void {
    const document = flagDocument(values);
    const version = this.versions.size + 1;
    this.versions.set(version, document);
    this.current = deployedFlags(version, document, { deployedAt });
  }

  values(): Record<string, boolean> {
    const values = (this.current?.document.values ?? {}) as Record<string, { enabled: boolean }>;
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.enabled]));
  }

  async resolve(target: { application: string; environment: string; profile: string }): Promise<FlagTarget> {
    await this.calls.enter("resolve", target);
    const known = { application: ["app1", "flags"], environment: ["env1", "dev"], profile: ["prf1", "router"] };
    for (const key of ["application", "environment", "profile"] as const) {
      if (!known[key].includes(target[key])) {
        throw new GoaroundError("flags-missing", "operator", `there is no ${key} ${target[key]}`);
      }
    }
    return this.target;
  }

  async deployed(target: FlagTarget): Promise<FlagDocument | undefined> {
    await this.calls.enter("deployed", target);
    return structuredClone(this.current);
  }

  async activeDeployment(target: FlagTarget): Promise<FlagDeployment | undefined> {
    await this.calls.enter("activeDeployment", target);
    const found = this.deployments.find((deployment) => isRunning(deployment.state));
    return found && publicPart(found);
  }

  async getDeployment(target: FlagTarget, number: number): Promise<FlagDeployment> {
    await this.calls.enter("getDeployment", { ...target, number });
    return publicPart(this.required(number));
  }

  async stopDeployment(target: FlagTarget, number: number): Promise<void> {
    await this.calls.enter("stopDeployment", { ...target, number });
    const deployment = this.required(number);
    if (isRunning(deployment.state)) deployment.state = "ROLLED_BACK";
  }

  async createVersion(target: FlagTarget, document: Record<string, unknown>, description: string): Promise<number> {
    await this.calls.enter("createVersion", { ...target, document, description });
    const version = this.versions.size + 1;
    this.versions.set(version, structuredClone(document));
    return version;
  }

  async deploy(target: FlagTarget, version: number, strategy: string, description: string): Promise<number> {
    await this.calls.enter("deploy", { ...target, version, strategy, description });
    if (this.deployments.some((deployment) => isRunning(deployment.state))) {
      throw new GoaroundError("conflict", "dependency", "another deployment is running on the environment");
    }
    const document = this.versions.get(version)!;
    const number = this.deployments.length + 1;
    const deployment: Running = {
      number,
      state: "DEPLOYING",
      description,
      profileId: target.profileId,
      configurationVersion: String(version),
      startedAt: this.clock.now(),
      content: deployedFlags(version, document, { deploymentNumber: number, deployedAt: this.clock.now() }),
    };
    this.deployments.push(deployment);
    void this.run(deployment, strategy.endsWith("-kill") ? 1000 : this.slowMs);
    return deployment.number;
  }

  async monitors(target: FlagTarget): Promise<string[]> {
    await this.calls.enter("monitors", target);
    return [...this.monitorNames];
  }

  private async run(deployment: Running, ms: number): Promise<void> {
    await this.clock.sleep(ms);
    if (deployment.state !== "DEPLOYING") return;
    if (this.redMonitors().length > 0) {
      deployment.state = "ROLLED_BACK";
      return;
    }
    deployment.state = "COMPLETE";
    this.current = deployment.content;
  }

  private required(number: number): Running {
    const found = this.deployments.find((deployment) => deployment.number === number);
    if (!found) throw new GoaroundError("flags-missing", "operator", `there is no flag deployment ${number}`);
    return found;
  }
}

const isRunning = (state: string) => ["DEPLOYING", "BAKING", "VALIDATING", "ROLLING_BACK"].includes(state);

const publicPart = ({ content: _, ...deployment }: Running): FlagDeployment => deployment;

export const flagContent = (document: Record<string, unknown>): FlagContent => ({
  contentType: "application/json",
  document,
  hashes: flagHashes(document),
});

export const deployedFlags = (
  version: number,
  document: Record<string, unknown>,
  more: Partial<FlagDocument> = {},
): FlagDocument => ({ ...flagContent(document), version, deploymentNumber: 0, ...more });

export const flagDocument = (values: Record<string, boolean>): Record<string, unknown> => ({
  version: "1",
  flags: Object.fromEntries(Object.keys(values).map((name) => [name, { name }])),
  values: Object.fromEntries(Object.entries(values).map(([name, enabled]) => [name, { enabled, limit: 7 }])),
});
