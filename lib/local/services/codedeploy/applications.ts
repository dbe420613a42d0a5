import type {
  ApplicationInfo,
  BatchGetApplicationsCommandInput,
  BatchGetApplicationsOutput,
  CreateApplicationCommandInput,
  CreateApplicationOutput,
  DeleteApplicationCommandInput,
  GetApplicationCommandInput,
  GetApplicationOutput,
  ListApplicationsCommandInput,
  ListApplicationsOutput,
  ListTagsForResourceCommandInput,
  ListTagsForResourceOutput,
  Tag,
  TagResourceCommandInput,
  UntagResourceCommandInput,
  UpdateApplicationCommandInput,
} from "@aws-sdk/client-codedeploy";
import type { OperationHandler, World } from "../../kernel/service.ts";
import { checkApplicationName, invalid, page, required } from "./errors.ts";
import { type ApplicationRecord, isTerminal } from "./model.ts";
import type { CodeDeployStore } from "./store.ts";

const PLATFORMS = ["Server", "Lambda", "ECS"];
/** At most 100 names in one request (service model, BatchLimitExceededException). */
export const BATCH_LIMIT = 100;

export function applicationOperations(world: World, store: CodeDeployStore): Record<string, OperationHandler> {
  const random = world.random.fork("codedeploy/applications");
  const view = (record: ApplicationRecord): ApplicationInfo => ({
    applicationId: record.id,
    applicationName: record.name,
    createTime: record.createTime,
    linkedToGitHub: false,
    computePlatform: record.computePlatform,
  });
  return {
    CreateApplication(input: CreateApplicationCommandInput): CreateApplicationOutput {
      const name = checkApplicationName(input.applicationName);
      const computePlatform = input.computePlatform ?? "Server";
      if (!PLATFORMS.includes(computePlatform)) {
        throw invalid("InvalidComputePlatformException", `Invalid compute platform: ${computePlatform}`);
      }
      if (store.applications.has(name)) {
        throw invalid("ApplicationAlreadyExistsException", `Application already exists, with specified name: ${name}`);
      }
      const id = random.uuid();
      store.applications.set(name, {
        id,
        name,
        computePlatform,
        createTime: store.now(),
        groups: new Map(),
        revisions: new Map(),
      });
      if (input.tags?.length) store.tags.set(store.applicationArn(name), [...input.tags]);
      return { applicationId: id };
    },
    GetApplication(input: GetApplicationCommandInput): GetApplicationOutput {
      return { application: view(store.application(input.applicationName)) };
    },
    BatchGetApplications(input: BatchGetApplicationsCommandInput): BatchGetApplicationsOutput {
      const names = input.applicationNames ?? [];
      if (names.length === 0) throw required("ApplicationNameRequiredException", "At least one application name");
      if (names.length > BATCH_LIMIT) {
        throw invalid("BatchLimitExceededException", `At most ${BATCH_LIMIT} application names are allowed`);
      }
      return { applicationsInfo: names.map((name) => view(store.application(name))) };
    },
    ListApplications(input: ListApplicationsCommandInput): ListApplicationsOutput {
      const { items, nextToken } = page([...store.applications.keys()], input.nextToken);
      return { applications: items, nextToken };
    },
    UpdateApplication(input: UpdateApplicationCommandInput): Record<string, never> {
      const record = store.application(input.applicationName);
      const newName = checkApplicationName(input.newApplicationName);
      if (newName === record.name) return {};
      if (store.applications.has(newName)) {
        throw invalid(
          "ApplicationAlreadyExistsException",
          `Application already exists, with specified name: ${newName}`,
        );
      }
      store.applications.delete(record.name);
      store.applications.set(newName, record);
      moveTags(store, store.applicationArn(record.name), store.applicationArn(newName));
      for (const group of record.groups.values()) {
        moveTags(store, store.groupArn(record.name, group.name), store.groupArn(newName, group.name));
      }
      record.name = newName;
      return {};
    },
    /** Deletes its groups too; the model knows no error for an application that does not exist. */
    DeleteApplication(input: DeleteApplicationCommandInput): Record<string, never> {
      const name = checkApplicationName(input.applicationName);
      const record = store.applications.get(name);
      for (const group of record?.groups.values() ?? []) store.tags.delete(store.groupArn(name, group.name));
      store.tags.delete(store.applicationArn(name));
      store.applications.delete(name);
      return {};
    },
    TagResource(input: TagResourceCommandInput): Record<string, never> {
      const arn = checkTaggable(store, input.ResourceArn);
      const added = input.Tags ?? [];
      if (added.length === 0) throw required("TagRequiredException", "At least one tag");
      const kept = (store.tags.get(arn) ?? []).filter((tag) => !added.some((other) => other.Key === tag.Key));
      store.tags.set(arn, [...kept, ...added]);
      return {};
    },
    UntagResource(input: UntagResourceCommandInput): Record<string, never> {
      const arn = checkTaggable(store, input.ResourceArn);
      const kept = (store.tags.get(arn) ?? []).filter((tag) => !input.TagKeys?.includes(tag.Key ?? ""));
      store.tags.set(arn, kept);
      return {};
    },
    ListTagsForResource(input: ListTagsForResourceCommandInput): ListTagsForResourceOutput {
      return { Tags: [...(store.tags.get(checkTaggable(store, input.ResourceArn)) ?? [])] satisfies Tag[] };
    },
  };
}

export function moveTags(store: CodeDeployStore, from: string, to: string): void {
  const tags = store.tags.get(from);
  store.tags.delete(from);
  if (tags) store.tags.set(to, tags);
}

function checkTaggable(store: CodeDeployStore, arn: string | undefined): string {
  if (!arn) throw required("ResourceArnRequiredException", "The resource ARN");
  const prefix = store.arn("");
  if (!arn.startsWith(prefix)) throw invalid("InvalidArnException", `The ARN ${arn} is not valid`);
  const [kind = "", name = ""] = arn.slice(prefix.length).split(":");
  if (kind === "application") store.application(name);
  else if (kind === "deploymentgroup") store.group(name.split("/")[0], name.split("/").slice(1).join("/"));
  else throw invalid("ArnNotSupportedException", `The ARN ${arn} is not supported`);
  return arn;
}

/** The group's deployment that is not finished, or undefined. */
export function activeDeployment(store: CodeDeployStore, applicationName: string, groupName: string) {
  return [...store.deployments.values()].find(
    (deployment) =>
      deployment.group.application.name === applicationName &&
      deployment.group.name === groupName &&
      !isTerminal(deployment),
  );
}
