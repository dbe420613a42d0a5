import { ALL_AT_ONCE, guardFunctionName } from "../../../lib/contract/names.ts";
import type { Policy } from "../../../lib/contract/policy.ts";
import { GoaroundError } from "../../../lib/core/errors.ts";
import type { TrafficRouting } from "../../../lib/core/ports.ts";
import type { Session } from "../session.ts";

/** CodeDeploy's own canaries for Lambda are 10 % for these minutes (CodeDeploy user guide, 2023). */
const PREDEFINED_MINUTES = new Set([5, 10, 15, 30]);

/**
 * The configuration for a percentage: CodeDeploy's own where it has one, else ours by name. Undefined without a
 * percentage: the group's own configuration then applies.
 */
export function canaryConfiguration(
  percentage: number | undefined,
  minutes: number,
): { name: string; routing: TrafficRouting } | undefined {
  if (percentage === undefined) return undefined;
  if (percentage === 100) {
    const routing = { kind: "all-at-once", percentage: 100, intervalMinutes: 0 } as const;
    return { name: ALL_AT_ONCE, routing };
  }
  const routing = { kind: "canary", percentage, intervalMinutes: minutes } as const;
  if (percentage === 10 && PREDEFINED_MINUTES.has(minutes)) {
    return { name: `CodeDeployDefault.LambdaCanary10Percent${minutes}Minutes`, routing };
  }
  return { name: `goaround-canary-${percentage}-percent-${minutes}-minutes`, routing };
}

/** Makes the configuration, unless it is there. Throws `conflict` when another one has its name. */
export async function prepareConfiguration(
  session: Session,
  routing: NonNullable<ReturnType<typeof canaryConfiguration>>,
): Promise<void> {
  const existing = await session.ports.deployments.routing(routing.name);
  if (existing === undefined) {
    await session.ports.deployments.createConfiguration(routing.name, routing.routing);
    session.say(`  made deployment configuration ${routing.name}`);
    return;
  }
  const { kind, percentage, intervalMinutes } = existing;
  const same =
    kind === routing.routing.kind &&
    percentage === routing.routing.percentage &&
    intervalMinutes === routing.routing.intervalMinutes;
  if (!same) {
    throw new GoaroundError(
      "conflict",
      "operator",
      `deployment configuration ${routing.name} exists but is ${kind} ${percentage} % / ${intervalMinutes} min`,
      { advice: "Delete it, or choose another --canary-minutes." },
    );
  }
  session.detail(`deployment configuration ${routing.name} is there`);
}

/**
 * The guard's hooks, where they exist. A function without a policy gets none: the pre-traffic hook would refuse it.
 */
export async function findHooks(session: Session, policy: Policy | undefined): Promise<Record<string, string>> {
  if (!policy) {
    session.warn("the function has no policy: it is released without smoke tests and without the guard's hooks");
    return {};
  }
  const hooks: Record<string, string> = {};
  for (const [event, handler] of [
    ["BeforeAllowTraffic", "pre-traffic"],
    ["AfterAllowTraffic", "post-traffic"],
  ] as const) {
    const name = guardFunctionName(session.environment, handler);
    if (await session.ports.functions.getVersion(name, "$LATEST")) hooks[event] = name;
    else session.warn(`there is no function ${name}: nothing checks the release at ${event}`);
  }
  return hooks;
}

/** AppSpec as JSON. Hooks are a list of single entries (CodeDeploy user guide, AppSpec hooks, 2023). */
export const writeAppSpec = (
  functionName: string,
  alias: string,
  currentVersion: string,
  targetVersion: string,
  hooks: Readonly<Record<string, string>>,
): string =>
  JSON.stringify({
    version: 0.0,
    Resources: [
      {
        [functionName]: {
          Type: "AWS::Lambda::Function",
          Properties: {
            Name: functionName,
            Alias: alias,
            CurrentVersion: currentVersion,
            TargetVersion: targetVersion,
          },
        },
      },
    ],
    Hooks: Object.entries(hooks).map(([event, name]) => ({ [event]: name })),
  });
