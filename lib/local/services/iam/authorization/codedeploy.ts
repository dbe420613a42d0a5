import { AwsError } from "../../../kernel/errors.ts";
import { anything, type Input, named, needs, type PassedRole, type Place, rulesOf } from "./rules.ts";

const application = (name: string | undefined, place: Place) => place.arn("codedeploy", `application:${name}`);
const group = (applicationName: string | undefined, groupName: string | undefined, place: Place) =>
  place.arn("codedeploy", `deploymentgroup:${applicationName}/${groupName}`);
const configuration = (name: string | undefined, place: Place) => place.arn("codedeploy", `deploymentconfig:${name}`);

const onApplication = (input: Input, place: Place) => application(input.applicationName, place);
const onGroup = (input: Input, place: Place) =>
  group(input.applicationName, input.deploymentGroupName ?? input.currentDeploymentGroupName, place);
const onConfiguration = (input: Input, place: Place) => configuration(input.deploymentConfigName, place);

/** The group of a deployment; undefined for one that does not exist. */
function groupOf(deploymentId: string | undefined, place: Place): string | undefined {
  const found = place.read<{ deploymentInfo?: { applicationName?: string; deploymentGroupName?: string } }>(
    "codedeploy",
    "GetDeployment",
    { deploymentId },
  )?.deploymentInfo;
  return found && group(found.applicationName, found.deploymentGroupName, place);
}

/**
 * StopDeployment and PutLifecycleEventHookExecutionStatus: the CodeDeploy user guide's table of permissions (2025) and
 * SAM's templates scope them to the deployment group, the Service Authorization Reference (2026) lists no resource.
 */
const onDeployment = (input: Input, place: Place) => groupOf(input.deploymentId, place);

const serviceRole = (input: Input, place: Place): PassedRole[] =>
  input.serviceRoleArn === undefined
    ? []
    : [
        {
          roleArn: input.serviceRoleArn,
          service: "codedeploy.amazonaws.com",
          sourceArn: onGroup(input, place),
          // Text: public reports, 2016 to 2024.
          refusal: new AwsError(
            "InvalidRoleException",
            `AWS CodeDeploy does not have the permissions required to assume the role ${input.serviceRoleArn}.`,
          ),
        },
      ];

export const codeDeployRules = rulesOf("codedeploy", {
  CreateApplication: onApplication,
  GetApplication: onApplication,
  BatchGetApplications: ({ applicationNames = [] }, place) =>
    (applicationNames as string[]).map((name) => application(name, place)),
  ListApplications: anything,
  UpdateApplication: onApplication,
  DeleteApplication: onApplication,
  TagResource: named("ResourceArn"),
  UntagResource: named("ResourceArn"),
  ListTagsForResource: named("ResourceArn"),
  CreateDeploymentGroup: {
    needs: (input, place) => needs("codedeploy:CreateDeploymentGroup", onGroup(input, place)),
    passes: serviceRole,
  },
  UpdateDeploymentGroup: {
    needs: (input, place) =>
      needs("codedeploy:UpdateDeploymentGroup", group(input.applicationName, input.currentDeploymentGroupName, place)),
    passes: serviceRole,
  },
  GetDeploymentGroup: onGroup,
  BatchGetDeploymentGroups: ({ applicationName, deploymentGroupNames = [] }, place) =>
    (deploymentGroupNames as string[]).map((name) => group(applicationName, name, place)),
  ListDeploymentGroups: onApplication,
  DeleteDeploymentGroup: onGroup,
  CreateDeploymentConfig: onConfiguration,
  GetDeploymentConfig: onConfiguration,
  ListDeploymentConfigs: anything,
  DeleteDeploymentConfig: onConfiguration,
  RegisterApplicationRevision: onApplication,
  GetApplicationRevision: onApplication,
  BatchGetApplicationRevisions: onApplication,
  ListApplicationRevisions: onApplication,
  CreateDeployment: onGroup,
  GetDeployment: onDeployment,
  BatchGetDeployments: ({ deploymentIds = [] }, place) => (deploymentIds as string[]).map((id) => groupOf(id, place)),
  ListDeployments: (input, place) =>
    input.applicationName === undefined ? place.arn("codedeploy", "deploymentgroup:*/*") : onGroup(input, place),
  StopDeployment: onDeployment,
  ContinueDeployment: onDeployment,
  ListDeploymentTargets: anything,
  GetDeploymentTarget: anything,
  BatchGetDeploymentTargets: anything,
  PutLifecycleEventHookExecutionStatus: onDeployment,
});
