import { createHash } from "node:crypto";
import type {
  BatchGetApplicationRevisionsCommandInput,
  BatchGetApplicationRevisionsOutput,
  GenericRevisionInfo,
  GetApplicationRevisionCommandInput,
  GetApplicationRevisionOutput,
  ListApplicationRevisionsCommandInput,
  ListApplicationRevisionsOutput,
  RegisterApplicationRevisionCommandInput,
  RevisionLocation,
} from "@aws-sdk/client-codedeploy";
import type { OperationHandler, World } from "../../kernel/service.ts";
import { invalid, page, required } from "./errors.ts";
import type { ApplicationRecord, RevisionRecord } from "./model.ts";
import type { CodeDeployStore } from "./store.ts";

export interface ResolvedRevision {
  content: string;
  sha256: string;
}

/** The AppSpec text behind a revision given to CreateDeployment. */
export function resolveRevision(world: World, revision: RevisionLocation | undefined): ResolvedRevision {
  if (!revision?.revisionType) throw required("RevisionRequiredException", "A revision with its type");
  if (revision.revisionType === "S3") return fromS3(world, revision);
  if (revision.revisionType !== "AppSpecContent" && revision.revisionType !== "String") {
    throw invalid(
      "InvalidRevisionException",
      "For Lambda deployments the revision type must be AppSpecContent, String or S3",
    );
  }
  const given = revision.revisionType === "String" ? revision.string : revision.appSpecContent;
  if (!given?.content) throw invalid("InvalidRevisionException", "The content of the AppSpec file is missing");
  const sha256 = hash(given.content);
  if (given.sha256 && given.sha256.toLowerCase() !== sha256) {
    throw invalid("InvalidRevisionException", "The SHA256 hash does not match the content of the AppSpec file");
  }
  return { content: given.content, sha256 };
}

function fromS3(world: World, revision: RevisionLocation): ResolvedRevision {
  const { bucket, key, bundleType } = revision.s3Location ?? {};
  if (!bucket || !key) throw invalid("InvalidRevisionException", "An S3 revision needs a bucket and a key");
  if (bundleType !== "YAML" && bundleType !== "JSON") {
    // Text recorded in awslabs/aws-codedeploy-plugin#89.
    throw invalid("InvalidRevisionException", "BundleType must be either YAML or JSON");
  }
  const bytes = world.links.readObject(bucket, key);
  if (!bytes) throw invalid("InvalidRevisionException", `The object s3://${bucket}/${key} could not be read`);
  const content = new TextDecoder().decode(bytes);
  return { content, sha256: hash(content) };
}

const hash = (content: string) => createHash("sha256").update(content).digest("hex");

/** Every deployed revision is registered with the application; a second use only refreshes its times. */
export function registerRevision(
  application: ApplicationRecord,
  use: { content: string; sha256: string; now: Date; group?: string; description?: string },
): RevisionRecord {
  const known = application.revisions.get(use.sha256);
  const record: RevisionRecord = known ?? {
    content: use.content,
    sha256: use.sha256,
    description: use.description,
    registerTime: use.now,
    firstUsedTime: undefined,
    lastUsedTime: undefined,
    groups: new Set(),
  };
  if (use.group) {
    record.firstUsedTime ??= use.now;
    record.lastUsedTime = use.now;
    record.groups.add(use.group);
  }
  application.revisions.set(use.sha256, record);
  return record;
}

/**
 * A revision as GetDeployment shows it: without its content (API reference, note on GetDeployment: the content "is
 * always null"). Read it with GetApplicationRevision.
 */
export function withoutContent(revision: RevisionLocation | undefined): RevisionLocation | undefined {
  if (!revision) return undefined;
  const { revisionType, appSpecContent, string, s3Location } = revision;
  return {
    revisionType,
    ...(appSpecContent ? { appSpecContent: { sha256: appSpecContent.sha256 } } : {}),
    ...(string ? { string: { sha256: string.sha256 } } : {}),
    ...(s3Location ? { s3Location } : {}),
  };
}

export function revisionOperations(world: World, store: CodeDeployStore): Record<string, OperationHandler> {
  const find = (application: ApplicationRecord, revision: RevisionLocation | undefined): RevisionRecord => {
    if (!revision) throw required("RevisionRequiredException", "A revision");
    const given = revision.appSpecContent ?? revision.string;
    const sha256 =
      given?.sha256?.toLowerCase() ??
      (given?.content === undefined && !revision.s3Location ? undefined : resolveRevision(world, revision).sha256);
    if (!sha256)
      throw invalid("InvalidRevisionException", "The revision must be given by its SHA256 hash or its content");
    const record = application.revisions.get(sha256);
    if (!record) throw invalid("RevisionDoesNotExistException", "No revision found for the given application");
    return record;
  };
  const info = (record: RevisionRecord): GenericRevisionInfo => ({
    ...(record.description ? { description: record.description } : {}),
    deploymentGroups: [...record.groups],
    ...(record.firstUsedTime ? { firstUsedTime: record.firstUsedTime } : {}),
    ...(record.lastUsedTime ? { lastUsedTime: record.lastUsedTime } : {}),
    registerTime: record.registerTime,
  });
  /** The content comes back as `string` (read so by seek-oss/aws-codedeploy-hooks in production, 2024). */
  const location = ({ content, sha256 }: RevisionRecord): RevisionLocation => ({
    revisionType: "String",
    string: { content, sha256 },
  });
  return {
    RegisterApplicationRevision(input: RegisterApplicationRevisionCommandInput): Record<string, never> {
      const application = store.application(input.applicationName);
      registerRevision(application, {
        ...resolveRevision(world, input.revision),
        now: store.now(),
        ...(input.description ? { description: input.description } : {}),
      });
      return {};
    },
    GetApplicationRevision(input: GetApplicationRevisionCommandInput): GetApplicationRevisionOutput {
      const application = store.application(input.applicationName);
      const record = find(application, input.revision);
      return { applicationName: application.name, revision: location(record), revisionInfo: info(record) };
    },
    BatchGetApplicationRevisions(input: BatchGetApplicationRevisionsCommandInput): BatchGetApplicationRevisionsOutput {
      const application = store.application(input.applicationName);
      const records = (input.revisions ?? []).map((revision) => find(application, revision));
      return {
        applicationName: application.name,
        revisions: records.map((record) => ({
          revisionLocation: location(record),
          genericRevisionInfo: info(record),
        })),
      };
    },
    ListApplicationRevisions(input: ListApplicationRevisionsCommandInput): ListApplicationRevisionsOutput {
      const application = store.application(input.applicationName);
      const time = (record: RevisionRecord): number => {
        const times = {
          registerTime: record.registerTime,
          firstUsedTime: record.firstUsedTime,
          lastUsedTime: record.lastUsedTime,
        };
        return times[input.sortBy ?? "registerTime"]?.getTime() ?? 0;
      };
      const sign = input.sortOrder === "descending" ? -1 : 1;
      const wanted = [...application.revisions.values()].filter((record) => {
        const isTarget = [...application.groups.values()].some(
          (group) => (group.targetRevision?.appSpecContent ?? group.targetRevision?.string)?.sha256 === record.sha256,
        );
        return input.deployed === "include" ? isTarget : input.deployed === "exclude" ? !isTarget : true;
      });
      const sorted = wanted.sort((a, b) => sign * (time(a) - time(b)));
      const { items, nextToken } = page(
        sorted.map(({ sha256 }) => ({ revisionType: "String" as const, string: { sha256 } })),
        input.nextToken,
      );
      return { revisions: items, nextToken };
    },
  };
}
