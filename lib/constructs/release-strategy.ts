import { Stack } from "aws-cdk-lib";
import { CfnDeploymentConfig } from "aws-cdk-lib/aws-codedeploy";
import type { Construct } from "constructs";
import { type ShiftStep, shiftSteps } from "../contract/detectability.ts";
import { ALL_AT_ONCE } from "../contract/names.ts";
import type { PolicyInput, StagedPolicy } from "../contract/policy.ts";
import { parseStages } from "../contract/stages.ts";

/** CodeDeploy: from the first shift to the last at most 2,880 minutes (user guide, limits, 2023). */
const MAX_MINUTES = 2880;
/** CodeDeploy: a shift of at most 99 % before the last one (user guide, limits, 2023). */
const MAX_PERCENTAGE = 99;

const PREDEFINED: Record<string, string> = {
  "canary-10-5": "CodeDeployDefault.LambdaCanary10Percent5Minutes",
  "canary-10-10": "CodeDeployDefault.LambdaCanary10Percent10Minutes",
  "canary-10-15": "CodeDeployDefault.LambdaCanary10Percent15Minutes",
  "canary-10-30": "CodeDeployDefault.LambdaCanary10Percent30Minutes",
  "linear-10-1": "CodeDeployDefault.LambdaLinear10PercentEvery1Minute",
  "linear-10-2": "CodeDeployDefault.LambdaLinear10PercentEvery2Minutes",
  "linear-10-3": "CodeDeployDefault.LambdaLinear10PercentEvery3Minutes",
  "linear-10-10": "CodeDeployDefault.LambdaLinear10PercentEvery10Minutes",
};

export type StrategyKind = "canary" | "linear" | "staged" | "all-at-once" | "named";

/** Go or no-go between the stages of a staged release. */
export interface StagedOptions {
  /** Canary requests that must have been judged in a stage before the next one begins. Default: the checks' `minSamples`. */
  readonly minSamples?: number;
  /** What the judge must say for the next stage: nothing against the version (default), or `promote`. */
  readonly goOn?: StagedPolicy["goOn"];
}

/** How traffic moves to a new version. Steps are whole percents and whole minutes; CodeDeploy knows nothing finer. */
export class ReleaseStrategy {
  /** One part of the traffic first, the rest after `minutes`. Default 10 % for 5 minutes. */
  static canary(options: { percentage?: number; minutes?: number } = {}): ReleaseStrategy {
    const { percentage = 10, minutes = 5 } = options;
    check("canary", percentage, minutes, minutes);
    return new ReleaseStrategy("canary", percentage, minutes);
  }

  /** Equal parts at equal intervals. Default 10 % every 10 minutes. */
  static linear(options: { percentage?: number; everyMinutes?: number } = {}): ReleaseStrategy {
    const { percentage = 10, everyMinutes = 10 } = options;
    check("linear", percentage, everyMinutes, (Math.ceil(100 / percentage) - 1) * everyMinutes);
    return new ReleaseStrategy("linear", percentage, everyMinutes);
  }

  /**
   * Uneven stages, `5:3m,20:5m,50:10m,100`: percent and minutes of each. The guard gives the new version its share inside
   * the hook before the traffic, judges each stage before the next begins, and leaves the last step to CodeDeploy, for which
   * the share falls to 0 % for a few seconds. Together at most 55 minutes.
   */
  static staged(stages: string, options: StagedOptions = {}): ReleaseStrategy {
    const parsed = parseStages(stages);
    if (!parsed.ok) throw new Error(`staged strategy: ${parsed.problems.join("; ")}`);
    return new ReleaseStrategy("staged", 0, 0, undefined, {
      stages: parsed.stages,
      minSamples: options.minSamples,
      goOn: options.goOn,
    });
  }

  /** All traffic at once, for emergencies: there is no concurrent baseline to compare with. */
  static allAtOnce(): ReleaseStrategy {
    return new ReleaseStrategy("all-at-once", 100, 0);
  }

  /** A deployment configuration that exists already, by its name. */
  static named(configurationName: string): ReleaseStrategy {
    if (!/^[\w.-]{1,100}$/.test(configurationName)) {
      throw new Error(`"${configurationName}" is no name of a deployment configuration: 1 to 100 of A-Z a-z 0-9 _ . -`);
    }
    return new ReleaseStrategy("named", 0, 0, configurationName);
  }

  readonly kind: StrategyKind;
  /** What the policy says of the stages; undefined for all other strategies. */
  readonly staged: PolicyInput["staged"];
  private readonly percentage: number;
  private readonly minutes: number;
  private readonly configurationName: string | undefined;

  private constructor(
    kind: StrategyKind,
    percentage: number,
    minutes: number,
    configurationName?: string,
    staged?: PolicyInput["staged"],
  ) {
    this.kind = kind;
    this.staged = staged;
    this.percentage = percentage;
    this.minutes = minutes;
    this.configurationName = configurationName;
  }

  /**
   * The configuration's name: CodeDeploy's own where there is one, else one per stack for these numbers. That one's
   * physical name is CloudFormation's, because all its properties are create-only and two stacks may want the same.
   */
  configuration(scope: Construct): string {
    if (this.kind === "all-at-once" || this.kind === "staged") return ALL_AT_ONCE;
    if (this.configurationName !== undefined) return this.configurationName;
    const key = `${this.kind}-${this.percentage}-${this.minutes}`;
    const predefined = PREDEFINED[key];
    if (predefined) return predefined;
    const stack = Stack.of(scope);
    const id = `DeploymentConfig-${key}`;
    const existing = stack.node.tryFindChild(id) as CfnDeploymentConfig | undefined;
    return (existing ?? new CfnDeploymentConfig(stack, id, this.definition())).ref;
  }

  /** The parts of the shift in which both versions serve, none with all-at-once; undefined where the configuration is only known by name. */
  get steps(): readonly ShiftStep[] | undefined {
    if (this.staged) {
      return this.staged.stages.slice(0, -1).map(({ percent, minutes }) => ({ share: percent / 100, minutes }));
    }
    if (this.configurationName === undefined) return shiftSteps(this.kind, this.percentage, this.minutes);
    if (this.configurationName === ALL_AT_ONCE) return [];
    const key = Object.keys(PREDEFINED).find((each) => PREDEFINED[each] === this.configurationName);
    if (key === undefined) return undefined;
    const [kind, percentage, minutes] = key.split("-") as [StrategyKind, string, string];
    return shiftSteps(kind, Number(percentage), Number(minutes));
  }

  private definition() {
    const { percentage, minutes } = this;
    return {
      computePlatform: "Lambda",
      trafficRoutingConfig:
        this.kind === "canary"
          ? { type: "TimeBasedCanary", timeBasedCanary: { canaryPercentage: percentage, canaryInterval: minutes } }
          : { type: "TimeBasedLinear", timeBasedLinear: { linearPercentage: percentage, linearInterval: minutes } },
    };
  }
}

function check(kind: string, percentage: number, minutes: number, totalMinutes: number): void {
  const problems: string[] = [];
  if (!Number.isInteger(percentage) || percentage < 1 || percentage > MAX_PERCENTAGE) {
    problems.push(`percentage is ${percentage}; give a whole number from 1 to ${MAX_PERCENTAGE}`);
  }
  if (!Number.isInteger(minutes) || minutes < 1)
    problems.push(`the interval is ${minutes} minutes; give whole minutes`);
  if (problems.length === 0 && totalMinutes > MAX_MINUTES) {
    problems.push(`the shift takes ${totalMinutes} minutes; CodeDeploy allows ${MAX_MINUTES} (48 hours)`);
  }
  if (problems.length > 0) throw new Error(`${kind} strategy: ${problems.join("; ")}`);
}
