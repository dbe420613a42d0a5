import type { Policy } from "../../../lib/contract/policy.ts";
import { GoaroundError } from "../../../lib/core/errors.ts";
import type { AliasState, VersionInfo } from "../../../lib/core/ports.ts";
import { attendedCommand, openAttended, takeBackCommand } from "../../../lib/core/release/attended.ts";
import { doctorCommand } from "../../../lib/core/release/findings.ts";
import type { AliasRecord, ReleaseRecord } from "../../../lib/core/release/records.ts";
import { findGroup, newestFirst, openReleaseOf, readAlias, readPolicy } from "../lookup.ts";
import type { Session } from "../session.ts";

/** What is to be released, and past whom. */
export interface ReleaseRequest {
  functionName: string;
  version: string;
  alias: string;
  application?: string;
  deploymentGroup?: string;
  /** Percent errors on the new version that stop the release. */
  rollbackThreshold?: number;
  /** Although CloudFormation owns the alias. */
  detach: boolean;
}

export interface ReleaseFacts {
  alias: AliasState;
  target: VersionInfo;
  stackName: string | undefined;
  /** The version that the stack's template records; undefined where there is no stack, or it cannot be told. */
  recordedVersion: string | undefined;
  policy: Policy | undefined;
  application: string;
  group: string;
  groupAlarms: string[];
  groupConfiguration: string;
}

/** Reads what a release of a published version is decided from. Throws where something of it does not exist. */
export async function lookAtRelease(session: Session, options: ReleaseRequest): Promise<ReleaseFacts> {
  const { functionName, alias, version } = options;
  const { state, description } = await readAlias(session, functionName, alias);
  const target = await session.ports.functions.getVersion(functionName, version);
  if (!target) {
    const versions = newestFirst(await session.ports.functions.listVersions(functionName));
    const names = versions.slice(0, 10).map((each) => each.version);
    throw new GoaroundError("version-missing", "operator", `version ${version} of ${functionName} does not exist`, {
      advice: `Its newest versions: ${names.join(", ") || "none"}. Publish one with: aws lambda publish-version --function-name ${functionName}`,
    });
  }
  const { policy, problems } = await readPolicy(session, functionName, alias);
  if (problems.length > 0) {
    throw new GoaroundError("policy-invalid", "operator", `the function's policy is wrong: ${problems.join("; ")}`, {
      advice: "Correct it in the CDK app and deploy that, then release again.",
    });
  }
  const { stackName } = description;
  const recorded =
    stackName === undefined
      ? undefined
      : await session.attempt(
          `what stack ${stackName} records could not be read`,
          session.ports.stacks.alias(stackName, state.arn),
        );
  const found = await findGroup(session, functionName, policy, options);
  const group = found && (await session.ports.deployments.group(found.application, found.group));
  if (!found || !group) {
    throw new GoaroundError(
      "group-missing",
      "operator",
      `no CodeDeploy application has a deployment group for ${functionName}` +
        (options.deploymentGroup ? ` named ${options.deploymentGroup}` : ""),
      { advice: "Name them with --application and --deployment-group, or make the function a guarded function." },
    );
  }
  return {
    alias: state,
    target,
    stackName,
    recordedVersion: recorded?.recordedVersion,
    policy,
    ...found,
    groupAlarms: group.alarms,
    groupConfiguration: group.configuration,
  };
}

/** Throws `conflict` while a deployment holds the alias, with how to follow or to undo it. */
export async function refuseWhileOpen(session: Session, functionName: string, alias: string): Promise<void> {
  const open = await openReleaseOf(session, functionName, alias);
  if (open) {
    const id = open.deployment.deploymentId;
    throw new GoaroundError(
      "conflict",
      "operator",
      `deployment ${id} of ${functionName}:${alias} is in progress (${open.deployment.status})`,
      {
        advice: `Follow it: goaround deploy --action follow --deployment-id ${id}; or undo it: goaround rollback --action stop-deployment --deployment-id ${id}`,
      },
    );
  }
}

/** The release of an alias that a command drives and that has not ended, whether that command still runs or not. */
export async function openAttendedOf(
  session: Session,
  record: AliasRecord | undefined,
): Promise<ReleaseRecord | undefined> {
  const entry = openAttended(record);
  const release = entry && (await session.ports.ledger.getRelease(entry.deploymentId));
  return release?.closedAt === undefined ? release : undefined;
}

/** The same while a command drives one. */
export async function refuseWhileAttended(session: Session, record: AliasRecord | undefined): Promise<void> {
  const release = await openAttendedOf(session, record);
  if (!release) return;
  throw new GoaroundError(
    "conflict",
    "operator",
    `staged release ${release.deploymentId} of ${release.functionName}:${release.alias} has not ended`,
    {
      advice: `Go on with it: ${attendedCommand(release)}; or take it back: ${takeBackCommand(release)}`,
    },
  );
}

/** Throws `refused` where the alias belongs to a stack and nobody has said that it is to be reconciled afterwards. */
export function refuseOwned(
  { stackName, recordedVersion }: ReleaseFacts,
  { functionName, alias, version, detach }: ReleaseRequest,
): void {
  if (stackName === undefined || detach) return;
  const recorded = recordedVersion === undefined ? "" : `, and records version ${recordedVersion}`;
  const message =
    `CloudFormation stack ${stackName} owns alias ${alias} of ${functionName}${recorded}: once version ` +
    `${version} is released past it, its next \`cdk deploy\` fails before any traffic until the two are reconciled`;
  throw new GoaroundError("refused", "operator", message, {
    advice: `Release through \`cdk deploy\`; or add --detach, and run afterwards: ${doctorCommand(functionName, alias)}`,
  });
}
