import type { Command } from "commander";
import { GoaroundError } from "../../lib/core/errors.ts";
import type {
  CompletedFlagDeployment,
  DiscoveryPort,
  FlagHistoryPort,
  MarkerAliasPort,
  StacksPort,
} from "../../lib/core/operator-ports.ts";
import type { AlarmState, FlagContent } from "../../lib/core/ports.ts";
import { OPEN_STATUSES } from "../../lib/core/release/deployment.ts";
import type { ReleaseRecord, StepTaken } from "../../lib/core/release/records.ts";
import type { CliIo } from "../../scripts/cli/io.ts";
import { main, type Result } from "../../scripts/cli/run.ts";
import { Calls } from "../fakes/faults.ts";
import { type FakeFlags, flagContent } from "../fakes/flags.ts";
import { type FakePorts, fakePorts } from "../fakes/index.ts";
import { FakePolicyHistory } from "../fakes/policy-history.ts";
import { FakeLogGroups } from "../fakes/signals.ts";

/** What a command looks up, over the other fakes: nothing of its own but stacks and the caller. */
class FakeDiscovery implements DiscoveryPort {
  readonly calls = new Calls();
  readonly stacks = new Map<string, string>();
  /** Of every function. */
  tags: Record<string, string> = {};
  confirmed = 1;
  readonly secrets = new Set<string>();
  private readonly ports: FakePorts;

  constructor(ports: FakePorts) {
    this.ports = ports;
  }

  async describeFunction(functionName: string) {
    await this.calls.enter("describeFunction", functionName);
    const found = this.ports.functions.functions.get(functionName);
    return (
      found && {
        functionName,
        stackName: this.stacks.get(functionName),
        aliases: [...found.aliases.keys()],
        tags: this.tags,
      }
    );
  }

  async functionNames(): Promise<string[]> {
    await this.calls.enter("functionNames", undefined);
    return [...this.ports.functions.functions.keys()];
  }

  async applicationsWithGroup(group: string): Promise<string[]> {
    await this.calls.enter("applicationsWithGroup", group);
    return [...this.ports.deployments.groups.keys()]
      .filter((key) => key.endsWith(`/${group}`))
      .map((key) => key.split("/")[0]!);
  }

  async openDeployments(): Promise<string[]> {
    await this.calls.enter("openDeployments", undefined);
    return [...this.ports.deployments.deployments.values()]
      .filter((info) => OPEN_STATUSES.includes(info.status))
      .map((info) => info.deploymentId)
      .reverse();
  }

  async alarmsByPrefix(prefix: string): Promise<Record<string, AlarmState>> {
    await this.calls.enter("alarmsByPrefix", prefix);
    return Object.fromEntries([...this.ports.monitoring.states].filter(([name]) => name.startsWith(prefix)));
  }

  async guardedAliases(environment: string) {
    await this.calls.enter("guardedAliases", environment);
    return [...this.ports.policies.documents.keys()].map((key) => {
      const [functionName, alias] = key.split(":");
      return { functionName: functionName!, alias: alias! };
    });
  }

  async hasProvisionedConcurrency(functionName: string, alias: string) {
    await this.calls.enter("hasProvisionedConcurrency", { functionName, alias });
    return false;
  }

  async subscribers(topic: string): Promise<number> {
    await this.calls.enter("subscribers", topic);
    return this.confirmed;
  }

  async secretExists(id: string): Promise<boolean> {
    await this.calls.enter("secretExists", id);
    return this.secrets.has(id);
  }

  async identity() {
    await this.calls.enter("identity", undefined);
    return { accountId: "111122223333", arn: "arn:aws:iam::111122223333:user/operator", region: "eu-central-1" };
  }
}

const absent = (what: string) => () => Promise.reject(new Error(`there are no ${what} behind these fakes`));

/** Commands that update stacks are tested on the local AWS. */
const noStacks: StacksPort = {
  alias: async () => undefined,
  template: absent("stacks"),
  propose: absent("stacks"),
  discard: absent("stacks"),
  execute: absent("stacks"),
  status: absent("stacks"),
};
/** Flag deployments of `FakeFlags` that are complete; a revert makes the one before what is deployed. */
class FakeFlagHistory implements FlagHistoryPort {
  readonly calls = new Calls();
  private readonly flags: FakeFlags;
  private readonly reverted = new Set<number>();

  constructor(flags: FakeFlags) {
    this.flags = flags;
  }

  async completed(): Promise<CompletedFlagDeployment[]> {
    return this.flags.deployments
      .filter(({ state, number }) => state === "COMPLETE" && !this.reverted.has(number))
      .map(({ number, configurationVersion, startedAt }) => ({
        number,
        version: Number(configurationVersion),
        completedAt: startedAt,
      }))
      .reverse();
  }

  async content(_: unknown, version: number): Promise<FlagContent> {
    const document = structuredClone(this.flags.versions.get(version));
    if (!document) throw new GoaroundError("flags-missing", "operator", `there is no version ${version}`);
    return flagContent(document);
  }

  async revert(_: unknown, number: number): Promise<void> {
    await this.calls.enter("revert", number);
    this.reverted.add(number);
    const [latest] = await this.completed();
    this.flags.current = this.flags.deployments.find((one) => one.number === latest?.number)?.content;
  }
}

const noMarkers: MarkerAliasPort = { put: absent("marker aliases"), remove: absent("marker aliases") };

/** What a version has done that nothing takes back. */
export const droppedTotal = (version: string): StepTaken => ({
  ...{ name: "drop-total", reason: "the column is gone", version },
  ...{ deploymentId: "d-4", at: "" },
});

export interface Ran {
  exitCode: number;
  stdout: string;
  stderr: string;
  /** The document that --json printed. */
  json(): Record<string, unknown>;
}

/** A terminal session without a terminal: fakes behind the commands, text collected. */
export class Harness {
  readonly ports = fakePorts();
  readonly discovery = new FakeDiscovery(this.ports);
  readonly flagHistory = new FakeFlagHistory(this.ports.flags);
  readonly policyHistory = new FakePolicyHistory(this.ports.policies, this.ports.clock);
  readonly logGroups = new FakeLogGroups();
  stacks = noStacks;
  readonly env: Record<string, string> = {};
  /** Runs with the clock, unless a test says otherwise. */
  stopwatch = (): number => this.ports.clock.now().getTime();
  isTerminal = false;
  answer = "y";
  /** What happens while a question waits for its answer. */
  onQuestion: (() => Promise<unknown>) | undefined;
  readonly questions: string[] = [];
  readonly connectedWith: unknown[] = [];
  private interrupts: (() => void)[] = [];

  /** Presses Ctrl-C. */
  interrupt(): void {
    for (const handler of this.interrupts) handler();
  }

  /** A guarded function: versions 1 to 4, alias on `at`, a policy and a group. */
  guarded(functionName: string, at: string, policy: Record<string, unknown> = {}): void {
    const group = `${functionName}-deployment-group`;
    this.ports.functions.given(functionName, ["1", "2", "3", "4"], "live", at);
    this.ports.deployments.groups.set(`goaround-dev/${group}`, {
      configuration: "CodeDeployDefault.LambdaCanary10Percent5Minutes",
      alarms: [],
      serviceRoleArn: "arn:aws:iam::111122223333:role/codedeploy",
    });
    const document = { schemaVersion: 1, functionName, alias: "live", deploymentGroup: group, ...policy };
    this.ports.policies.documents.set(`${functionName}:live`, JSON.stringify(document));
  }

  /** Release d-000000004 of checkout is under way: 10 % are on version 4, the others on 3. */
  releasing(changes: Parameters<FakePorts["deployments"]["given"]>[1] = {}): void {
    this.guarded("checkout", "3");
    const ids = { deploymentId: "d-000000004", functionName: "checkout", alias: "live", from: "3", to: "4" };
    this.ports.deployments.given(ids, changes);
    this.ports.functions.setAlias("checkout", "live", "3", { 4: 0.1 });
  }

  /** What the ledger has of a release at each look at an alias from now on. */
  recordsAtLooks(deploymentId: string): (ReleaseRecord | undefined)[] {
    const { functions, ledger } = this.ports;
    const seen: (ReleaseRecord | undefined)[] = [];
    const getAlias = functions.getAlias.bind(functions);
    functions.getAlias = async (...where) => {
      seen.push(ledger.releases.get(deploymentId));
      return getAlias(...where);
    };
    return seen;
  }

  known(functionName: string, version: string, deploymentId = "d-GOOD00001"): void {
    this.ports.ledger.aliases.set(`${functionName}:live`, {
      functionName,
      alias: "live",
      lastKnownGood: {
        version,
        codeSha256: `sha-${version}`,
        configurationHash: `config-${version}`,
        at: "2026-03-01T00:00:00.000Z",
        deploymentId,
      },
      knownBad: {},
    });
  }

  bad(functionName: string, version: string): void {
    const record = this.ports.ledger.aliases.get(`${functionName}:live`)!;
    record.knownBad[`sha-${version}/config-${version}`] = {
      version,
      at: "2026-03-01T00:00:00.000Z",
      reason: "error-rate",
      deploymentId: "d-BAD000001",
    };
  }

  alias(functionName: string) {
    const { functionVersion, weights } = this.ports.functions.functions.get(functionName)!.aliases.get("live")!;
    return { functionVersion, weights };
  }

  async run(makeCommand: (io: CliIo, result: Result) => Command, ...argv: string[]): Promise<Ran> {
    let stdout = "";
    let stderr = "";
    const io: CliIo = {
      stdout: (text) => {
        stdout += text;
      },
      stderr: (text) => {
        stderr += text;
      },
      isTerminal: this.isTerminal,
      ask: async (question) => {
        this.questions.push(question);
        await this.onQuestion?.();
        return this.answer;
      },
      env: this.env,
      clock: this.ports.clock,
      stopwatch: () => this.stopwatch(),
      onInterrupt: (handler) => {
        this.interrupts.push(handler);
        return () => {
          this.interrupts = this.interrupts.filter((other) => other !== handler);
        };
      },
      abandon: (exitCode) => {
        throw new GoaroundError("interrupted", "operator", `left with ${exitCode}`);
      },
      connect: (options) => {
        this.connectedWith.push(options);
        const { discovery, flagHistory, policyHistory, logGroups } = this;
        const logFilters = this.ports.subscriptions;
        const own = { discovery, flagHistory, policyHistory, logFilters, logGroups };
        return { ...this.ports, ...own, stacks: this.stacks, markerAlias: noMarkers };
      },
    };
    const exitCode = await main(makeCommand, argv, io);
    return { exitCode, stdout, stderr, json: () => JSON.parse(stdout) as Record<string, unknown> };
  }
}
