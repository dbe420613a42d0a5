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
import { conflict, functionNotFound, invalidParameter, staleRevision } from "./errors.ts";
import { isAlias, isVersion, parseReference } from "./reference.ts";
import { applySettings, initialSettings, readCode } from "./settings.ts";
import { type FunctionRecord, type FunctionStore, page, type VersionRecord } from "./store.ts";

const CREATING = { StateReason: "The function is being created.", StateReasonCode: "Creating" } as const;
const UPDATING = {
  State: "Active",
  LastUpdateStatus: "InProgress",
  LastUpdateStatusReason: "The function is being created.",
  LastUpdateStatusReasonCode: "Creating",
} as const;
const SETTLED = { State: "Active", LastUpdateStatus: "Successful" } as const;

/** Functions, their versions and tags. `outdated` is told when running copies of a version (or of all) are of no use. */
export function functionOperations(
  world: World,
  store: FunctionStore,
  outdated: (functionName: string, version?: string) => void,
): Record<string, OperationHandler> {
  const reference = (name: string | undefined, qualifier?: string) => parseReference(world, name, qualifier);
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

  const resource = (arn: string | undefined) => store.function({ ...reference(arn), qualifier: undefined });

  return {
    CreateFunction(input: CreateFunctionCommandInput) {
      const { name } = reference(input.FunctionName);
      if (name.length > 64) {
        throw invalidParameter("The function name must be at most 64 characters long.");
      }
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
      const target = reference(input.FunctionName, input.Qualifier);
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
      if (input.RevisionId !== undefined && input.RevisionId !== fn.latest.revisionId) throw staleRevision();
      const code = readCode(world, input);
      const settings = input.Architectures
        ? { ...fn.latest.settings, Architectures: input.Architectures }
        : fn.latest.settings;
      if (input.DryRun) return { ...describe(fn, { ...fn.latest, code, settings }, undefined), ...SETTLED };
      change(fn, { settings, code });
      if (input.Publish) {
        const published = publish(fn, undefined);
        settle(fn.latest);
        return { ...describe(fn, published, published.version), State: "Pending", ...CREATING };
      }
      const reply = { ...describe(fn, fn.latest, undefined), ...UPDATING };
      settle(fn.latest);
      return reply;
    },

    UpdateFunctionConfiguration(input: UpdateFunctionConfigurationCommandInput) {
      const fn = store.function(reference(input.FunctionName));
      if (input.RevisionId !== undefined && input.RevisionId !== fn.latest.revisionId) throw staleRevision();
      change(fn, { settings: applySettings(fn.latest.settings, input, world.region), code: fn.latest.code });
      const reply = { ...describe(fn, fn.latest, undefined), ...UPDATING };
      settle(fn.latest);
      return reply;
    },

    DeleteFunction(input: DeleteFunctionCommandInput) {
      const { name, qualifier } = reference(input.FunctionName, input.Qualifier);
      const fn = store.find(name);
      if (!fn) throw functionNotFound(store.arn(name, qualifier));
      if (qualifier === undefined) {
        store.delete(name);
      } else if (qualifier === "$LATEST") {
        throw invalidParameter("$LATEST version cannot be deleted without deleting the function.");
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
      const fn = store.function(reference(input.FunctionName));
      const { items, nextMarker } = page([fn.latest, ...fn.versions.values()], input.Marker, input.MaxItems);
      return {
        Versions: items.map((version) => listed(describe(fn, version, version.version))),
        NextMarker: nextMarker,
      };
    },

    TagResource(input: TagResourceCommandInput) {
      const { tags } = resource(input.Resource);
      for (const [key, value] of Object.entries(input.Tags ?? {})) tags.set(key, value);
      return {};
    },

    UntagResource(input: UntagResourceCommandInput) {
      const { tags } = resource(input.Resource);
      for (const key of input.TagKeys ?? []) tags.delete(key);
      return {};
    },

    ListTags(input: ListTagsCommandInput) {
      const target = reference(input.Resource);
      if (isAlias(target.qualifier)) throw invalidParameter("Tags on function aliases and versions are not supported.");
      return { Tags: Object.fromEntries(store.function(target).tags) };
    },
  };
}

/** Lists leave out the runtime's version (recorded). */
function listed({ RuntimeVersionConfig: _, ...configuration }: FunctionConfiguration): FunctionConfiguration {
  return configuration;
}
