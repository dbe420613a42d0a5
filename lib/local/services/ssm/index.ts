import type {
  AddTagsToResourceCommandInput,
  DescribeParametersCommandInput,
  GetParameterCommandInput,
  GetParameterHistoryCommandInput,
  GetParametersByPathCommandInput,
  GetParametersCommandInput,
  Parameter,
  ParameterHistory,
  ParameterMetadata,
  PutParameterCommandInput,
  RemoveTagsFromResourceCommandInput,
} from "@aws-sdk/client-ssm";
import { AwsError, notImplemented } from "../../kernel/errors.ts";
import type { LocalService, RequestContext, World } from "../../kernel/service.ts";
import { page } from "./page.ts";
import { checkName, checkPageSize, checkValue, parseReference } from "./rules.ts";

interface Version {
  version: number;
  value: string;
  type: string;
  tier: string;
  dataType: string;
  description?: string;
  keyId?: string;
  allowedPattern?: string;
  modifiedAt: Date;
  modifiedBy: string;
}

interface ParameterRecord {
  name: string;
  versions: Version[];
  tags: Map<string, string>;
}

/** SSM keeps the newest 100 versions of a parameter (Systems Manager user guide, 2025). */
const MAX_VERSIONS = 100;

/** Parameter Store. SecureString values are stored in clear and masked unless decryption is asked for. */
export function createSsm(world: World): LocalService {
  const parameters = new Map<string, ParameterRecord>();
  const arnOf = (name: string) =>
    `arn:aws:ssm:${world.region}:${world.accountId}:parameter${name.startsWith("/") ? "" : "/"}${name}`;
  const notFound = (name: string) => new AwsError("ParameterNotFound", `Parameter ${name} not found.`);
  const newest = (record: ParameterRecord) => record.versions.at(-1) as Version;

  const describe = (
    record: ParameterRecord,
    version: Version,
    decrypt: boolean | undefined,
    selector?: string,
  ): Parameter => ({
    Name: record.name,
    Type: version.type as Parameter["Type"],
    Value: version.type === "SecureString" && !decrypt ? mask(version.value) : version.value,
    Version: version.version,
    Selector: selector,
    LastModifiedDate: version.modifiedAt,
    ARN: arnOf(record.name),
    DataType: version.dataType,
  });

  const find = (reference: string, decrypt: boolean | undefined): Parameter | undefined => {
    const { name, version } = parseReference(reference);
    // The ARNs of `name` and `/name` are the same text.
    const record = parameters.get(name) ?? (reference.startsWith("arn:") ? parameters.get(`/${name}`) : undefined);
    if (!record) return undefined;
    if (version === undefined) return describe(record, newest(record), decrypt);
    const found = record.versions.find((one) => one.version === version);
    if (!found) {
      throw new AwsError(
        "ParameterVersionNotFound",
        `Systems Manager could not find version ${version} of ${record.name}. Verify the version and try again.`,
      );
    }
    return describe(record, found, decrypt, `:${version}`);
  };

  const metadata = (record: ParameterRecord): ParameterMetadata => {
    const version = newest(record);
    return {
      Name: record.name,
      ARN: arnOf(record.name),
      Type: version.type as Parameter["Type"],
      KeyId: version.keyId,
      LastModifiedDate: version.modifiedAt,
      LastModifiedUser: version.modifiedBy,
      Description: version.description,
      AllowedPattern: version.allowedPattern,
      Version: version.version,
      Tier: version.tier as ParameterMetadata["Tier"],
      Policies: [],
      DataType: version.dataType,
    };
  };

  const put = (input: PutParameterCommandInput, context: RequestContext) => {
    const name = parseReference(input.Name ?? "").name;
    checkName(name);
    const existing = parameters.get(name);
    if (existing && !input.Overwrite) {
      throw new AwsError(
        "ParameterAlreadyExists",
        "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
      );
    }
    if (input.Overwrite && input.Tags?.length) {
      throw new AwsError(
        "ValidationException",
        "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.",
      );
    }
    const before = existing ? newest(existing) : undefined;
    const type = input.Type ?? before?.type;
    if (type === undefined) {
      throw new AwsError("ValidationException", "A parameter type is required when you create a parameter.");
    }
    const tier = checkValue(input, type, before?.tier);
    const version: Version = {
      version: (before?.version ?? 0) + 1,
      value: input.Value ?? "",
      type,
      tier,
      dataType: input.DataType ?? before?.dataType ?? "text",
      description: input.Description ?? before?.description,
      keyId: type === "SecureString" ? (input.KeyId ?? before?.keyId ?? "alias/aws/ssm") : undefined,
      allowedPattern: input.AllowedPattern ?? before?.allowedPattern,
      modifiedAt: new Date(world.clock.now()),
      modifiedBy: context.principal.arn,
    };
    const tags = new Map((input.Tags ?? []).map(({ Key = "", Value = "" }) => [Key, Value]));
    const record = existing ?? { name, versions: [], tags };
    record.versions.push(version);
    if (record.versions.length > MAX_VERSIONS) record.versions.shift();
    parameters.set(name, record);
    return { Version: version.version, Tier: version.tier };
  };

  const byPath = (input: GetParametersByPathCommandInput) => {
    const { Path = "/", Recursive, WithDecryption } = input;
    if (!Path.startsWith("/")) {
      throw new AwsError(
        "ValidationException",
        'The parameter doesn\'t meet the parameter name requirements. The parameter name must begin with a forward slash "/".',
      );
    }
    if (input.ParameterFilters?.length) throw notImplemented("ssm", "GetParametersByPath", "ParameterFilters");
    const prefix = Path.endsWith("/") ? Path : `${Path}/`;
    const found = [...parameters.values()]
      .filter(({ name }) => name.startsWith(prefix) && (Recursive || !name.slice(prefix.length).includes("/")))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((record) => describe(record, newest(record), WithDecryption));
    const { items, next } = page(found, input.MaxResults ?? 10, input.NextToken);
    return { Parameters: items, NextToken: next };
  };

  const needTagged = (input: { ResourceType?: string; ResourceId?: string }) => {
    const record = input.ResourceType === "Parameter" ? parameters.get(input.ResourceId ?? "") : undefined;
    if (!record) {
      throw new AwsError(
        "InvalidResourceId",
        "The resource ID isn't valid. Verify that you entered the correct ID and try again.",
      );
    }
    return record;
  };

  return {
    name: "ssm",
    operations: {
      PutParameter: put,
      GetParameter: ({ Name = "", WithDecryption }: GetParameterCommandInput) => {
        const found = find(Name, WithDecryption);
        if (!found) throw notFound(parseReference(Name).name);
        return { Parameter: found };
      },
      GetParameters: ({ Names = [], WithDecryption }: GetParametersCommandInput) => {
        const Parameters = Names.flatMap((name) => find(name, WithDecryption) ?? []);
        const InvalidParameters = Names.filter((name) => !find(name, WithDecryption));
        return { Parameters, InvalidParameters };
      },
      GetParametersByPath: byPath,
      GetParameterHistory: (input: GetParameterHistoryCommandInput) => {
        const record = parameters.get(input.Name ?? "");
        if (!record) throw notFound(input.Name ?? "");
        checkPageSize(input.MaxResults);
        // Oldest first.
        const all = record.versions.map((version): ParameterHistory => {
          const { Name, Type, Value, Version, LastModifiedDate, DataType } = describe(
            record,
            version,
            input.WithDecryption,
          );
          return {
            ...{ Name, Type, Value, Version, LastModifiedDate, DataType },
            KeyId: version.keyId,
            AllowedPattern: version.allowedPattern,
            LastModifiedUser: version.modifiedBy,
            Description: version.description,
            Labels: [],
            Tier: version.tier as ParameterHistory["Tier"],
            Policies: [],
          };
        });
        const { items, next } = page(all, input.MaxResults ?? 50, input.NextToken);
        return { Parameters: items, NextToken: next };
      },
      DescribeParameters: (input: DescribeParametersCommandInput) => {
        if (input.Filters?.length || input.ParameterFilters?.some((filter) => filter.Key !== "Name")) {
          throw notImplemented("ssm", "DescribeParameters", "filters other than ParameterFilters on Name");
        }
        const matches = ({ name }: ParameterRecord) =>
          (input.ParameterFilters ?? []).every(({ Option = "Equals", Values = [] }) =>
            Values.some((value) =>
              Option === "BeginsWith"
                ? name.startsWith(value)
                : Option === "Contains"
                  ? name.includes(value)
                  : name === value,
            ),
          );
        const found = [...parameters.values()].filter(matches).map(metadata);
        const { items, next } = page(found, input.MaxResults ?? 50, input.NextToken);
        return { Parameters: items, NextToken: next };
      },
      DeleteParameter: ({ Name = "" }: { Name?: string }) => {
        if (!parameters.delete(Name)) throw notFound(Name);
        return {};
      },
      DeleteParameters: ({ Names = [] }: { Names?: string[] }) => {
        const DeletedParameters = Names.filter((name) => parameters.delete(name));
        return { DeletedParameters, InvalidParameters: Names.filter((name) => !DeletedParameters.includes(name)) };
      },
      AddTagsToResource: (input: AddTagsToResourceCommandInput) => {
        const { tags } = needTagged(input);
        for (const { Key = "", Value = "" } of input.Tags ?? []) tags.set(Key, Value);
        return {};
      },
      RemoveTagsFromResource: (input: RemoveTagsFromResourceCommandInput) => {
        const { tags } = needTagged(input);
        for (const key of input.TagKeys ?? []) tags.delete(key);
        return {};
      },
      ListTagsForResource: (input: { ResourceType?: string; ResourceId?: string }) => ({
        TagList: [...needTagged(input).tags].map(([Key, Value]) => ({ Key, Value })),
      }),
    },
    reset: () => parameters.clear(),
  };
}

/** Real ciphertext cannot be read; neither can this. */
function mask(value: string): string {
  return Buffer.from(`encrypted:${value.length}`).toString("base64");
}
