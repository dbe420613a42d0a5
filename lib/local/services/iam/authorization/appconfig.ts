import { AwsError } from "../../../kernel/errors.ts";
import { anything, type Input, named, needs, type PassedRole, type Place, type ResourceOf, rulesOf } from "./rules.ts";

const onApplication = (input: Input, place: Place) => place.arn("appconfig", `application/${input.ApplicationId}`);
const part =
  (kind: string, ...members: string[]): ResourceOf =>
  (input, place) =>
    `${onApplication(input, place)}/${kind}/${members.map((member) => input[member]).find((id) => id !== undefined)}`;
const onEnvironment = part("environment", "EnvironmentId");
const onProfile = part("configurationprofile", "ConfigurationProfileId");
const onStrategy: ResourceOf = (input, place) =>
  place.arn("appconfig", `deploymentstrategy/${input.DeploymentStrategyId}`);
const onVersion: ResourceOf = (input, place) =>
  `${onProfile(input, place)}/hostedconfigurationversion/${input.VersionNumber}`;
const onDeployment: ResourceOf = (input, place) =>
  `${onEnvironment(input, place)}/deployment/${input.DeploymentNumber}`;

/** Each of several kinds of resource must be allowed (Service Authorization Reference, 2026). */
const all =
  (...kinds: ResourceOf[]): ResourceOf =>
  (input, place) =>
    kinds.flatMap((kind) => kind(input, place));

const monitorRoles = (input: Input, place: Place): PassedRole[] =>
  ((input.Monitors ?? []) as { AlarmRoleArn?: string }[]).flatMap(({ AlarmRoleArn }) =>
    AlarmRoleArn === undefined
      ? []
      : [
          {
            roleArn: AlarmRoleArn,
            service: "appconfig.amazonaws.com",
            sourceArn: `${onApplication(input, place)}/environment/${input.EnvironmentId ?? "*"}`,
            refusal: new AwsError("BadRequestException", `AppConfig cannot assume the role ${AlarmRoleArn}`),
          },
        ],
  );

export const appConfigRules = rulesOf("appconfig", {
  CreateApplication: anything,
  GetApplication: onApplication,
  ListApplications: anything,
  UpdateApplication: onApplication,
  DeleteApplication: onApplication,
  CreateEnvironment: {
    needs: (input, place) => needs("appconfig:CreateEnvironment", onApplication(input, place)),
    passes: monitorRoles,
  },
  UpdateEnvironment: {
    needs: (input, place) => needs("appconfig:UpdateEnvironment", all(onApplication, onEnvironment)(input, place)),
    passes: monitorRoles,
  },
  GetEnvironment: all(onApplication, onEnvironment),
  ListEnvironments: onApplication,
  DeleteEnvironment: all(onApplication, onEnvironment),
  CreateConfigurationProfile: onApplication,
  GetConfigurationProfile: all(onApplication, onProfile),
  ListConfigurationProfiles: onApplication,
  UpdateConfigurationProfile: all(onApplication, onProfile),
  DeleteConfigurationProfile: all(onApplication, onProfile),
  CreateHostedConfigurationVersion: all(onApplication, onProfile),
  GetHostedConfigurationVersion: all(onApplication, onProfile, onVersion),
  ListHostedConfigurationVersions: all(onApplication, onProfile),
  DeleteHostedConfigurationVersion: all(onApplication, onProfile, onVersion),
  ValidateConfiguration: all(onApplication, onProfile),
  CreateDeploymentStrategy: anything,
  GetDeploymentStrategy: onStrategy,
  ListDeploymentStrategies: anything,
  UpdateDeploymentStrategy: onStrategy,
  DeleteDeploymentStrategy: onStrategy,
  StartDeployment: all(onApplication, onEnvironment, onProfile, onStrategy),
  GetDeployment: all(onApplication, onEnvironment, onDeployment),
  ListDeployments: all(onApplication, onEnvironment),
  StopDeployment: all(onApplication, onEnvironment, onDeployment),
  GetAccountSettings: anything,
  UpdateAccountSettings: anything,
  TagResource: named("ResourceArn"),
  UntagResource: named("ResourceArn"),
  ListTagsForResource: named("ResourceArn"),
});

interface Items {
  Items?: { Id?: string; Name?: string }[];
}

/** Sessions are opened by ids or names; policies know ids only. */
function idOf(identifier: string | undefined, found: Items | undefined): string | undefined {
  return found?.Items?.find(({ Id, Name }) => Id === identifier || Name === identifier)?.Id;
}

const onConfiguration: ResourceOf = (input, place) => {
  const ApplicationId = idOf(input.ApplicationIdentifier, place.read("appconfig", "ListApplications", {}));
  const environment = idOf(input.EnvironmentIdentifier, place.read("appconfig", "ListEnvironments", { ApplicationId }));
  const profile = idOf(
    input.ConfigurationProfileIdentifier,
    place.read("appconfig", "ListConfigurationProfiles", { ApplicationId }),
  );
  if (ApplicationId === undefined || environment === undefined || profile === undefined) return undefined;
  return place.arn("appconfig", `application/${ApplicationId}/environment/${environment}/configuration/${profile}`);
};

export const appConfigDataRules = rulesOf("appconfig", {
  StartConfigurationSession: onConfiguration,
  // The token stands for the session that was allowed; its configuration cannot be read from it [deviation].
  GetLatestConfiguration: () => undefined,
});
