import type {
  ConfigurationProfile,
  ConfigurationProfiles,
  CreateConfigurationProfileCommandInput,
  DeleteConfigurationProfileCommandInput,
  GetConfigurationProfileCommandInput,
  ListConfigurationProfilesCommandInput,
  UpdateConfigurationProfileCommandInput,
  Validator,
} from "@aws-sdk/client-appconfig";
import { AwsError, notImplemented } from "../../kernel/errors.ts";
import type { OperationHandler, World } from "../../kernel/service.ts";
import { checkDeletionProtection } from "./account-settings.ts";
import { badRequest, checkLength, conflict, quotaExceeded, requireMembers } from "./errors.ts";
import { FEATURE_FLAGS, FREEFORM, isActive, type ProfileRecord } from "./model.ts";
import { type AppConfigStore, pageOf } from "./store.ts";

const MAX_PROFILES = 100;
const MAX_VALIDATORS = 2;
const MAX_VALIDATOR_CHARACTERS = 32_768;

const view = (record: ProfileRecord): ConfigurationProfile => ({
  ApplicationId: record.applicationId,
  Id: record.id,
  Name: record.name,
  ...(record.description === undefined ? {} : { Description: record.description }),
  LocationUri: record.locationUri,
  ...(record.retrievalRoleArn === undefined ? {} : { RetrievalRoleArn: record.retrievalRoleArn }),
  ...(record.validators.length ? { Validators: record.validators } : {}),
  Type: record.type,
  ...(record.kmsKeyIdentifier === undefined ? {} : { KmsKeyIdentifier: record.kmsKeyIdentifier }),
});

function checkValidators(validators: Validator[] | undefined): void {
  if (validators && validators.length > MAX_VALIDATORS) {
    throw badRequest(`A configuration profile can have at most ${MAX_VALIDATORS} validators`);
  }
  for (const { Type, Content = "" } of validators ?? []) {
    if (Type !== "JSON_SCHEMA" && Type !== "LAMBDA") throw badRequest(`The validator type ${Type} does not exist`);
    checkLength("validators.content", Content, 0, MAX_VALIDATOR_CHARACTERS);
    if (Type === "LAMBDA" && !/^arn:[^:]+:lambda:[^:]+:\d{12}:function:.+/.test(Content)) {
      throw badRequest(`ARN ${Content} is invalid due to not containing an account ID.`);
    }
  }
}

/** Names are unique in an application; text from a public emulator that was calibrated on AWS. [inferred] */
function checkNameIsFree(world: World, profiles: Iterable<ProfileRecord>, name: string, self?: string): void {
  for (const profile of profiles) {
    if (profile.name !== name || profile.id === self) continue;
    throw badRequest(
      `ConfigurationProfile with name ${name} already exists with id ${profile.id} in application ` +
        `${profile.applicationId} account ${world.accountId}`,
    );
  }
}

export function profileOperations(world: World, store: AppConfigStore): Record<string, OperationHandler> {
  return {
    CreateConfigurationProfile(input: CreateConfigurationProfileCommandInput): ConfigurationProfile {
      requireMembers(input, ["ApplicationId", "Name", "LocationUri"]);
      const application = store.application(input.ApplicationId);
      const { Name = "", LocationUri = "", Type = FREEFORM, Validators } = input;
      checkLength("name", Name, 1, 128);
      if (Type !== FREEFORM && Type !== FEATURE_FLAGS) {
        throw new AwsError("ResourceNotFoundException", `Invalid type, must be one of: ${FREEFORM}, ${FEATURE_FLAGS}`, {
          status: 404,
          members: { ResourceName: "ConfigurationProfileType" },
        });
      }
      if (LocationUri !== "hosted") {
        if (Type === FEATURE_FLAGS) {
          throw badRequest(`ConfigurationProfiles of type '${FEATURE_FLAGS}' can only have a locationUri of 'hosted'`);
        }
        throw notImplemented("appconfig", "CreateConfigurationProfile", `location ${LocationUri}`);
      }
      checkValidators(Validators);
      checkNameIsFree(world, application.profiles.values(), Name);
      if (application.profiles.size >= MAX_PROFILES) {
        throw quotaExceeded(`The application already has ${MAX_PROFILES} configuration profiles`);
      }
      const record: ProfileRecord = {
        id: store.newId(),
        applicationId: application.id,
        name: Name,
        description: input.Description,
        locationUri: LocationUri,
        retrievalRoleArn: input.RetrievalRoleArn,
        type: Type,
        validators: Validators ?? [],
        kmsKeyIdentifier: input.KmsKeyIdentifier,
        createdAtMs: store.now().getTime(),
        lastPolledAtMs: undefined,
        versions: new Map(),
        lastVersion: 0,
      };
      application.profiles.set(record.id, record);
      store.setTags(`application/${application.id}/configurationprofile/${record.id}`, input.Tags);
      return view(record);
    },
    GetConfigurationProfile: (input: GetConfigurationProfileCommandInput) =>
      view(store.profile(input.ApplicationId, input.ConfigurationProfileId)),
    ListConfigurationProfiles(input: ListConfigurationProfilesCommandInput): ConfigurationProfiles {
      const all = [...store.application(input.ApplicationId).profiles.values()];
      const { items, nextToken } = pageOf(
        all.filter((profile) => !input.Type || profile.type === input.Type),
        input,
      );
      return {
        Items: items.map((profile) => ({
          ApplicationId: profile.applicationId,
          Id: profile.id,
          Name: profile.name,
          LocationUri: profile.locationUri,
          ValidatorTypes: profile.validators.flatMap((validator) => validator.Type ?? []),
          Type: profile.type,
        })),
        NextToken: nextToken,
      };
    },
    UpdateConfigurationProfile(input: UpdateConfigurationProfileCommandInput): ConfigurationProfile {
      const record = store.profile(input.ApplicationId, input.ConfigurationProfileId);
      checkValidators(input.Validators);
      checkLength("name", input.Name, 1, 128);
      if (input.Name !== undefined) {
        checkNameIsFree(world, store.application(record.applicationId).profiles.values(), input.Name, record.id);
      }
      record.name = input.Name ?? record.name;
      record.description = input.Description ?? record.description;
      record.retrievalRoleArn = input.RetrievalRoleArn ?? record.retrievalRoleArn;
      record.validators = input.Validators ?? record.validators;
      if (input.KmsKeyIdentifier !== undefined) record.kmsKeyIdentifier = input.KmsKeyIdentifier || undefined;
      return view(record);
    },
    DeleteConfigurationProfile(input: DeleteConfigurationProfileCommandInput): Record<string, never> {
      const record = store.profile(input.ApplicationId, input.ConfigurationProfileId);
      if (record.versions.size > 0) {
        // [recorded] pulumi/pulumi#20098
        throw badRequest(
          `Cannot delete configuration profile ${record.id} because there are still hosted configuration versions existing under it.`,
        );
      }
      if (store.allDeployments().some((deployment) => deployment.profile === record && isActive(deployment))) {
        throw conflict(`Cannot delete configuration profile ${record.id} because a deployment is in progress.`);
      }
      checkDeletionProtection(store, record, input.DeletionProtectionCheck);
      store.application(record.applicationId).profiles.delete(record.id);
      store.tags.delete(store.arn(`application/${record.applicationId}/configurationprofile/${record.id}`));
      return {};
    },
  };
}
