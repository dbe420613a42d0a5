import { CfnOutput, type CfnResource, CustomResource, Duration, Stack } from "aws-cdk-lib";
import * as appconfig from "aws-cdk-lib/aws-appconfig";
import type { IAlarm } from "aws-cdk-lib/aws-cloudwatch";
import * as iam from "aws-cdk-lib/aws-iam";
import type { IFunction, Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { Construct, type IConstruct } from "constructs";
import {
  FLAG_ENV,
  FLAG_PROFILE_NAME,
  FLAGS_RESOURCE,
  flagApplicationName,
  flagEnvironmentName,
  gradualStrategyName,
  killStrategyName,
  OWN_FLAG_DEPLOYMENT_PREFIX,
} from "../contract/names.ts";
import type { FlagReference } from "../contract/policy.ts";
import { stackArn } from "./arns.ts";
import { type FlagDefinitions, flagDocument, flagProblems } from "./flag-document.ts";
import { type FlagArns, type FlagEntries, mergeFunction, validateFunction } from "./flag-functions.ts";
import { acknowledgeWildcards, type Permission, policyDocument } from "./least-privilege-role.ts";
import { dependOnGuard, type IReleaseGuard } from "./release-guard-ref.ts";

export interface GradualRollout {
  /** Percent of the readers that each step adds, 1 to 100. Default 20. */
  readonly growthPercent?: number;
  /** Minutes from 0 to 100 %, 0 to 1,440. Default 10. */
  readonly durationMinutes?: number;
  /** Minutes at 100 % in which monitors can still undo it, 0 to 1,440. Default 5. */
  readonly bakeMinutes?: number;
}

export interface FlagProfileProps {
  readonly guard: IReleaseGuard;
  readonly flags: FlagDefinitions;
  /** How deployments by this construct roll out. Default: 20 % steps over 10 minutes, 5 minutes bake. */
  readonly rollout?: GradualRollout;
  /**
   * Alarms that make AppConfig undo a flag deployment, at most five. Default: none. They act on every deployment to the
   * environment, kills included; the responder therefore disables their actions during a kill. Never name an alarm of
   * one version here.
   */
  readonly monitors?: readonly IAlarm[];
  /** Checks every version of the flags before it is deployed, beside the guard's own validator. Default: none. */
  readonly validator?: IFunction;
  /** Handlers in place of the package's own. */
  readonly entries?: FlagEntries;
}

export interface IFlagProfile extends IConstruct {
  readonly environmentName: string;
  /** What a policy's `flags` says to name flags of this profile. Throws for a flag that is known not to exist. */
  reference(...flags: string[]): FlagReference;
  /** Lets a function read the flags and tells it, by environment variables, which. */
  grantRead(fn: LambdaFunction): void;
}

abstract class FlagProfileBase extends Construct implements IFlagProfile {
  abstract readonly environmentName: string;
  /** Undefined where the definitions are not known. */
  protected abstract readonly flagKeys: readonly string[] | undefined;

  reference(...flags: string[]): FlagReference {
    const unknown = this.flagKeys ? flags.filter((flag) => !this.flagKeys?.includes(flag)) : [];
    if (unknown.length > 0) {
      throw new Error(`there is no flag ${unknown.join(", ")}; the profile has ${this.flagKeys?.join(", ")}`);
    }
    return {
      applicationId: flagApplicationName(this.environmentName),
      environmentId: flagEnvironmentName(this.environmentName),
      profileId: FLAG_PROFILE_NAME,
      flags,
    };
  }

  grantRead(fn: LambdaFunction): void {
    const permission: Permission = {
      actions: ["appconfig:StartConfigurationSession", "appconfig:GetLatestConfiguration"],
      resources: [stackArn(fn, "appconfig", "application/*/environment/*/configuration/*")],
      because: "ids of the flags' stack are not known here: an import of them would close a cycle through the monitors",
    };
    if (!fn.role)
      throw new Error(`${fn.node.path} has no role that could be granted the flags; import it with its role`);
    iam.Grant.addToPrincipal({ grantee: fn, actions: permission.actions, resourceArns: permission.resources });
    acknowledgeWildcards(fn.role, [permission]);
    fn.addEnvironment(FLAG_ENV.application, flagApplicationName(this.environmentName));
    fn.addEnvironment(FLAG_ENV.environment, flagEnvironmentName(this.environmentName));
    fn.addEnvironment(FLAG_ENV.profile, FLAG_PROFILE_NAME);
  }
}

/** AppConfig: at most five monitors in an environment (API reference, 2026). */
const MAX_MONITORS = 5;

/**
 * Feature flags of an environment. Put it into a stack of its own: a stack's rollback does not undo an AppConfig
 * deployment, so flags that share a stack with code end up out of step with it.
 *
 * Code owns the definitions and the first values; `enabled` belongs to run time. A deploy that changes the definitions
 * merges: a new flag gets its first value, a flag that is deployed keeps the value it has, and a killed one stays off, also
 * when its first value is on. A validator refuses every version in which a killed flag is on, whoever made it.
 *
 * AppConfig checks flag documents against its own schema and the constraints of the attributes; it takes no further JSON
 * schema for them (AppConfig user guide, "Understanding validators", 2026).
 */
export class FlagProfile extends FlagProfileBase {
  /** The flags of an environment that another stack deploys, by their literal names. */
  static fromEnvironmentName(scope: Construct, id: string, environmentName: string): IFlagProfile {
    class Imported extends FlagProfileBase {
      readonly environmentName = environmentName;
      protected readonly flagKeys = undefined;
    }
    return new Imported(scope, id);
  }

  readonly environmentName: string;
  readonly applicationId: string;
  readonly environmentId: string;
  readonly profileId: string;
  readonly killStrategyId: string;
  protected readonly flagKeys: readonly string[];

  constructor(scope: Construct, id: string, props: FlagProfileProps) {
    super(scope, id);
    checkProps(props);
    this.environmentName = props.guard.environmentName;
    this.flagKeys = Object.keys(props.flags);
    const application = new appconfig.CfnApplication(this, "Application", {
      name: flagApplicationName(this.environmentName),
      description: `Feature flags of ${this.environmentName}`,
    });
    const environment = new appconfig.CfnEnvironment(this, "Environment", {
      applicationId: application.ref,
      name: flagEnvironmentName(this.environmentName),
      monitors: this.monitors(props.monitors ?? []),
    });
    const validate = validateFunction(this, this.environmentName, props.entries ?? {});
    const validators = [validate, ...(props.validator ? [props.validator] : [])];
    const profile = new appconfig.CfnConfigurationProfile(this, "Profile", {
      applicationId: application.ref,
      name: FLAG_PROFILE_NAME,
      locationUri: "hosted",
      type: "AWS.AppConfig.FeatureFlags",
      validators: validators.map((fn) => ({ type: "LAMBDA", content: fn.functionArn })),
    });
    const kill = new appconfig.CfnDeploymentStrategy(this, "KillStrategy", {
      name: killStrategyName(this.environmentName),
      description: "Switches flags off: at once, no bake",
      deploymentDurationInMinutes: 0,
      finalBakeTimeInMinutes: 0,
      growthFactor: 100,
      growthType: "LINEAR",
      replicateTo: "NONE",
    });
    const { growthPercent = 20, durationMinutes = 10, bakeMinutes = 5 } = props.rollout ?? {};
    const gradual = new appconfig.CfnDeploymentStrategy(this, "GradualStrategy", {
      name: gradualStrategyName(this.environmentName),
      description: "Changes flags in steps, with a bake",
      deploymentDurationInMinutes: durationMinutes,
      finalBakeTimeInMinutes: bakeMinutes,
      growthFactor: growthPercent,
      growthType: "LINEAR",
      replicateTo: "NONE",
    });
    const arn = (path: string) => stackArn(this, "appconfig", `application/${application.ref}${path}`);
    const arns: FlagArns = {
      application: arn(""),
      environment: arn(`/environment/${environment.ref}`),
      profile: arn(`/configurationprofile/${profile.ref}`),
    };
    const merge = mergeFunction(this, this.environmentName, arns, props.entries ?? {});
    const values = new CustomResource(this, "Values", {
      serviceToken: merge.functionArn,
      serviceTimeout: Duration.minutes(5),
      resourceType: FLAGS_RESOURCE.type,
      properties: {
        ApplicationId: application.ref,
        EnvironmentId: environment.ref,
        ProfileId: profile.ref,
        [FLAGS_RESOURCE.definitions]: JSON.stringify(flagDocument(props.flags)),
      },
    });
    const deployment = new appconfig.CfnDeployment(this, "Deployment", {
      applicationId: application.ref,
      environmentId: environment.ref,
      configurationProfileId: profile.ref,
      configurationVersion: values.getAttString("Version"),
      deploymentStrategyId: gradual.ref,
      description: `${OWN_FLAG_DEPLOYMENT_PREFIX} definitions from code`,
    });
    // AppConfig asks the validator when the deployment starts.
    deployment.node.addDependency(validate);
    new CfnOutput(this, "Merged", {
      value: values.getAttString("Message"),
      description: "What the last change of the definitions did to the flags",
    });
    this.applicationId = application.ref;
    this.environmentId = environment.ref;
    this.profileId = profile.ref;
    this.killStrategyId = kill.ref;
    this.allowKill(props.guard, arns, gradual.ref);
    dependOnGuard(this, props.guard, [values.node.defaultChild as CfnResource]);
  }

  /**
   * The responder may switch flags of this profile off, and on in steps after a release, and touch no other. Attached
   * here, where the ids are known.
   */
  private allowKill(guard: IReleaseGuard, { application, environment, profile }: FlagArns, gradualId: string): void {
    const permissions: Permission[] = [
      {
        actions: ["appconfig:ListEnvironments", "appconfig:ListConfigurationProfiles"],
        resources: [application],
      },
      {
        actions: ["appconfig:GetEnvironment", "appconfig:ListDeployments"],
        resources: [application, environment],
      },
      {
        actions: ["appconfig:CreateHostedConfigurationVersion", "appconfig:GetHostedConfigurationVersion"],
        resources: [application, profile, `${profile}/hostedconfigurationversion/*`],
        because:
          "hosted versions of this one profile get their numbers at run time, so the policy cannot name them here",
      },
      {
        actions: ["appconfig:GetDeployment", "appconfig:StartDeployment", "appconfig:StopDeployment"],
        resources: [
          application,
          environment,
          profile,
          `${environment}/deployment/*`,
          stackArn(this, "appconfig", `deploymentstrategy/${this.killStrategyId}`),
          stackArn(this, "appconfig", `deploymentstrategy/${gradualId}`),
        ],
        because:
          "deployments to this one environment get their numbers at run time, so the policy cannot name them here",
      },
    ];
    const policy = new iam.CfnPolicy(this, "KillPolicy", {
      policyName: `goaround-${this.environmentName}-kill-flags`,
      policyDocument: policyDocument(permissions),
      roles: [guard.respondRoleName],
    });
    acknowledgeWildcards(policy, permissions);
    dependOnGuard(this, guard, [policy]);
  }

  private monitors(alarms: readonly IAlarm[]): appconfig.CfnEnvironment.MonitorsProperty[] | undefined {
    if (alarms.length === 0) return undefined;
    const role = new iam.Role(this, "MonitorRole", {
      description: `AppConfig reads the monitors of ${this.environmentName}`,
      assumedBy: new iam.ServicePrincipal("appconfig.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": Stack.of(this).account } },
      }),
      inlinePolicies: {
        monitor: policyDocument([
          { actions: ["cloudwatch:DescribeAlarms"], resources: alarms.map((alarm) => alarm.alarmArn) },
        ]),
      },
    });
    return alarms.map((alarm) => ({ alarmArn: alarm.alarmArn, alarmRoleArn: role.roleArn }));
  }
}

function checkProps(props: FlagProfileProps): void {
  const problems = flagProblems(props.flags);
  const { growthPercent = 20, durationMinutes = 10, bakeMinutes = 5 } = props.rollout ?? {};
  if (!(growthPercent >= 1 && growthPercent <= 100)) {
    problems.push(`rollout.growthPercent: is ${growthPercent}; AppConfig takes 1 to 100`);
  }
  for (const [name, minutes] of Object.entries({ durationMinutes, bakeMinutes })) {
    if (!Number.isInteger(minutes) || minutes < 0 || minutes > 1440) {
      problems.push(`rollout.${name}: is ${minutes}; AppConfig takes whole minutes from 0 to 1440`);
    }
  }
  if ((props.monitors ?? []).length > MAX_MONITORS) {
    problems.push(`monitors: there are ${props.monitors?.length}; AppConfig allows ${MAX_MONITORS}`);
  }
  if (problems.length > 0) throw new Error(problems.join("\n"));
}
