import type {
  CreateFunctionCommandInput,
  DeleteFunctionCommandInput,
  FunctionCodeLocation,
  FunctionConfiguration,
  GetFunctionCommandInput,
  GetFunctionConfigurationCommandInput,
  ListFunctionsCommandInput,
  ListTagsCommandInput,
  ListVersionsByFunctionCommandInput,
  PublishVersionCommandInput,
  TagResourceCommandInput,
  UntagResourceCommandInput,
  UpdateFunctionCodeCommandInput,
  UpdateFunctionConfigurationCommandInput,
} from "@aws-sdk/client-lambda";
import type { OperationHandler, World } from "../../kernel/service.ts";
import { brokenArchitectures, check, checkTaggable } from "./constraints.ts";
import { conflict, functionNotFound, invalidParameter, staleRevision } from "./errors.ts";
import { isVersion, type NamedFor, parseReference } from "./reference.ts";
import { applySettings, checkSettings, initialSettings, readCode } from "./settings.ts";
import { type FunctionRecord, type FunctionStore, page, type VersionRecord } from "./store.ts";

const CREATING = { StateReason: "The function is being created.", StateReasonCode: "Creating" } as const;
const UPDATING = {
  State: "Active",
  LastUpdateStatus: "InProgress",
  LastUpdateStatusReason: "The function is being created.",
  LastUpdateStatusReasonCode: "Creating",
} as const;
/** Tags of a function (recorded, test_tag_limits, 2023). */
const MAX_TAGS = 50;
const TOO_MANY_TAGS = "Number of tags exceeds resource tag limit.";
const SETTLED = { State: "Active", LastUpdateStatus: "Successful" } as const;

/** Functions, their versions and tags. `outdated` is told when running copies of a version (or of all) are of no use. */
export function functionOperations(
  world: World,
  store: FunctionStore,
  outdated: (functionName: string, version?: string) => void,
): Record<string, OperationHandler> {
  const reference = (name: string | undefined, qualifier?: string, operation?: NamedFor) =>
    parseReference(world, name, qualifier, operation);
  const modified = () => new Date(world.clock.now()).toISOString().replace("Z", "+0000");

  const describe = (
    fn: FunctionRecord,
    version: VersionRecord,
    qualifier: string | undefined,
  ): FunctionConfiguration => ({
    ...version.settings,
    FunctionArn: store.arn(fn.name, qualifier),
    Version: version.version,
    CodeSha256: version.code.sha256,
    CodeSize: version.code.size,
    RevisionId: version.revisionId,
  });

  /** Answers with the transitional state; the change itself is in effect at once, under a new revision. */
  const settle = (version: VersionRecord): void => {
    version.revisionId = store.uuid();
  };

  const publish = (fn: FunctionRecord, description: string | undefined): VersionRecord => {
    const previous = [...fn.versions.values()].at(-1);
    if (previous && previous.instance === fn.latest.instance) return previous;
    const version = String(fn.nextVersion++);
    const settings = { ...fn.latest.settings, LastModified: modified() };
    if (description !== undefined) settings.Description = description;
    const record: VersionRecord = { ...fn.latest, version, settings, revisionId: store.uuid() };
    fn.versions.set(version, record);
    // Publishing gives $LATEST a new revision too (recorded, LocalStack's test_function_revisions_version_and_alias, 2023).
    fn.latest.revisionId = store.uuid();
    return record;
  };

  /** Where nothing changed since the last publication the instance stays, so that publishing is a no-op. */
  const change = (fn: FunctionRecord, next: Pick<VersionRecord, "settings" | "code">): void => {
    const fingerprint = ({ settings, code }: Pick<VersionRecord, "settings" | "code">) =>
      JSON.stringify([code.sha256, { ...settings, LastModified: undefined }]);
    const same = fingerprint(fn.latest) === fingerprint(next);
    fn.latest.settings = { ...next.settings, LastModified: modified() };
    fn.latest.code = next.code;
    fn.latest.revisionId = store.uuid();
    if (!same) {
      fn.latest.instance = store.uuid();
      outdated(fn.name, "$LATEST");
    }
  };

  const location = ({ code }: VersionRecord): FunctionCodeLocation =>
    code.imageUri === undefined
      ? { RepositoryType: "S3", Location: `${world.endpoint ?? "http://127.0.0.1"}/local-lambda-code/${code.sha256}` }
      : { RepositoryType: "ECR", ImageUri: code.imageUri, ResolvedImageUri: `${code.imageUri}@sha256:${code.sha256}` };

  /** The function that a tag operation names; versions and aliases have no tags. */
  const tagged = (arn: string | undefined) => {
    checkTaggable(arn ?? "");
    const target = reference(arn);
    if (target.qualifier !== undefined) {
      throw invalidParameter("Tags on function aliases and versions are not supported. Please specify a function ARN.");
    }
    return store.function(target);
  };

  return {
    CreateFunction(input: CreateFunctionCommandInput) {
      const { name } = reference(input.FunctionName, undefined, "CreateFunction");
      checkSettings(input, { packageType: input.PackageType }, brokenArchitectures(input.Architectures));
      if (Object.keys(input.Tags ?? {}).length > MAX_TAGS) throw invalidParameter(TOO_MANY_TAGS);
      if (store.find(name)) throw conflict(`Function already exist: ${name}`);
      const settings = { ...initialSettings({ ...input, FunctionName: name }, world.region), LastModified: modified() };
      const code = readCode(world, input.Code ?? {});
      const latest = { version: "$LATEST", settings, code, revisionId: store.uuid(), instance: store.uuid() };
      const fn: FunctionRecord = {
        name,
        latest,
        versions: new Map(),
        nextVersion: 1,
        aliases: new Map(),
        policies: new Map(),
        tags: new Map(Object.entries(input.Tags ?? {})),
        reservedConcurrency: undefined,
        eventInvokeConfigs: new Map(),
        provisioned: new Map(),
      };
      store.add(fn);
      const shown = input.Publish ? publish(fn, undefined) : latest;
      const reply = { ...describe(fn, shown, undefined), State: "Pending", ...CREATING };
      settle(shown);
      return reply;
    },

    GetFunction(input: GetFunctionCommandInput) {
      const target = reference(input.FunctionName, input.Qualifier, "GetFunction");
      const { fn, version } = store.resolve(target);
      return {
        Configuration: { ...describe(fn, version, target.qualifier), ...SETTLED },
        Code: location(version),
        ...(fn.tags.size > 0 && { Tags: Object.fromEntries(fn.tags) }),
        ...(fn.reservedConcurrency !== undefined && {
          Concurrency: { ReservedConcurrentExecutions: fn.reservedConcurrency },
        }),
      };
    },

    GetFunctionConfiguration(input: GetFunctionConfigurationCommandInput) {
      const target = reference(input.FunctionName, input.Qualifier);
      const { fn, version } = store.resolve(target);
      return { ...describe(fn, version, target.qualifier), ...SETTLED };
    },

    UpdateFunctionCode(input: UpdateFunctionCodeCommandInput) {
      const fn = store.function(reference(input.FunctionName));
      check({}, brokenArchitectures(input.Architectures));
      if (input.RevisionId !== undefined && input.RevisionId !== fn.latest.revisionId) throw staleRevision();
      const image = fn.latest.settings.PackageType === "Image";
      if (image && input.ImageUri === undefined) {
        throw invalidParameter("Please provide ImageUri when updating a function with packageType Image.");
      }
      if (!image && input.ImageUri !== undefined) {
        throw invalidParameter("Please don't provide ImageUri when updating a function with packageType Zip.");
      }
      const code = readCode(world, input);
      const settings = input.Architectures
        ? { ...fn.latest.settings, Architectures: input.Architectures }
        : fn.latest.settings;
      if (input.DryRun) return { ...describe(fn, { ...fn.latest, code, settings }, undefined), ...SETTLED };
      change(fn, { settings, code });
      if (input.Publish) {
        const published = publish(fn, undefined);
        return { ...describe(fn, published, published.version), State: "Pending", ...CREATING };
      }
      const reply = { ...describe(fn, fn.latest, undefined), ...UPDATING };
      settle(fn.latest);
      return reply;
    },

    UpdateFunctionConfiguration(input: UpdateFunctionConfigurationCommandInput) {
      checkSettings(input);
      const fn = store.function(reference(input.FunctionName));
      if (input.RevisionId !== undefined && input.RevisionId !== fn.latest.revisionId) throw staleRevision();
      change(fn, { settings: applySettings(fn.latest.settings, input, world.region), code: fn.latest.code });
      const reply = { ...describe(fn, fn.latest, undefined), ...UPDATING };
      settle(fn.latest);
      return reply;
    },

    DeleteFunction(input: DeleteFunctionCommandInput) {
      const { name, qualifier } = reference(input.FunctionName, input.Qualifier, "DeleteFunction");
      // Refused before the function is looked for, whose absence is told without the qualifier (recorded, 2023).
      if (qualifier === "$LATEST") {
        throw invalidParameter("$LATEST version cannot be deleted without deleting the function.");
      }
      const fn = store.find(name);
      if (!fn) throw functionNotFound(store.arn(name));
      if (qualifier === undefined) {
        store.delete(name);
      } else if (!isVersion(qualifier)) {
        throw invalidParameter("Deletion of aliases is not currently supported.");
      } else {
        const users = [...fn.aliases.values()]
          .filter((alias) => alias.functionVersion === qualifier || alias.weights.has(qualifier))
          .map((alias) => alias.name);
        if (users.length > 0) {
          throw conflict(`Unable to delete version because the following aliases reference it: [${users.join(", ")}]`);
        }
        fn.versions.delete(qualifier);
        for (const scoped of [fn.policies, fn.eventInvokeConfigs, fn.provisioned]) scoped.delete(qualifier);
      }
      outdated(name, qualifier);
      return { StatusCode: 204 };
    },

    ListFunctions(input: ListFunctionsCommandInput) {
      const wrongVersion = input.FunctionVersion !== undefined && input.FunctionVersion !== "ALL";
      check(
        { maxItems: input.MaxItems },
        wrongVersion
          ? [
              `Value '${input.FunctionVersion}' at 'functionVersion' failed to satisfy constraint: Member must satisfy enum value set: [ALL]`,
            ]
          : [],
      );
      const records = store.all().flatMap((fn) =>
        (input.FunctionVersion === "ALL" ? [fn.latest, ...fn.versions.values()] : [fn.latest]).map((version) => ({
          fn,
          version,
        })),
      );
      const { items, nextMarker } = page(records, input.Marker, input.MaxItems);
      const shown = input.FunctionVersion === "ALL";
      return {
        Functions: items.map(({ fn, version }) => listed(describe(fn, version, shown ? version.version : undefined))),
        NextMarker: nextMarker,
      };
    },

    PublishVersion(input: PublishVersionCommandInput) {
      check({ description: input.Description });
      const fn = store.function(reference(input.FunctionName));
      if (input.PublishTo !== undefined) throw invalidParameter("PublishTo is supported for managed instances only.");
      if (input.RevisionId !== undefined && input.RevisionId !== fn.latest.revisionId) throw staleRevision();
      const current = fn.latest.code.sha256;
      if (input.CodeSha256 !== undefined && input.CodeSha256 !== current) {
        throw invalidParameter(
          `CodeSHA256 (${input.CodeSha256}) is different from current CodeSHA256 in $LATEST (${current}). Please try again with the CodeSHA256 in $LATEST.`,
        );
      }
      const version = publish(fn, input.Description);
      return { ...describe(fn, version, version.version), ...SETTLED };
    },

    ListVersionsByFunction(input: ListVersionsByFunctionCommandInput) {
      check({ maxItems: input.MaxItems });
      const fn = store.function(reference(input.FunctionName));
      const { items, nextMarker } = page([fn.latest, ...fn.versions.values()], input.Marker, input.MaxItems);
      return {
        Versions: items.map((version) => listed(describe(fn, version, version.version))),
        NextMarker: nextMarker,
      };
    },

    TagResource(input: TagResourceCommandInput) {
      const fn = tagged(input.Resource);
      const added = Object.entries(input.Tags ?? {});
      if (added.length === 0) throw invalidParameter("An error occurred and the request cannot be processed.");
      if (new Set([...fn.tags.keys(), ...added.map(([key]) => key)]).size > MAX_TAGS) {
        throw invalidParameter(TOO_MANY_TAGS);
      }
      for (const [key, value] of added) fn.tags.set(key, value);
      fn.latest.revisionId = store.uuid();
      return {};
    },

    UntagResource(input: UntagResourceCommandInput) {
      const fn = tagged(input.Resource);
      if (input.TagKeys?.length === 0) {
        check({}, ["Value null at 'tagKeys' failed to satisfy constraint: Member must not be null"]);
      }
      for (const key of input.TagKeys ?? []) fn.tags.delete(key);
      fn.latest.revisionId = store.uuid();
      return {};
    },

    ListTags: (input: ListTagsCommandInput) => ({ Tags: Object.fromEntries(tagged(input.Resource).tags) }),
  };
}

/** Lists leave out the runtime's version (recorded). */
function listed({ RuntimeVersionConfig: _, ...configuration }: FunctionConfiguration): FunctionConfiguration {
  return configuration;
}
