import type {
  CreateSecretCommandInput,
  DeleteSecretCommandInput,
  GetSecretValueCommandInput,
  ListSecretsCommandInput,
  PutSecretValueCommandInput,
  Tag,
} from "@aws-sdk/client-secrets-manager";
import { AwsError, notImplemented } from "../../kernel/errors.ts";
import type { LocalService, World } from "../../kernel/service.ts";

interface SecretVersion {
  id: string;
  text: string | undefined;
  binary: Uint8Array | undefined;
  createdAt: Date;
}

interface SecretRecord {
  arn: string;
  name: string;
  description: string | undefined;
  kmsKeyId: string | undefined;
  tags: Tag[];
  createdAt: Date;
  deletedAt: Date | undefined;
  /** The current version first, then the previous one; AWS keeps further ones without a stage, which nobody reads. */
  versions: SecretVersion[];
}

const DAY_MS = 86_400_000;
const SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** Secrets with their current and previous value. Nothing is encrypted, and nothing rotates. */
export function createSecretsManager(world: World): LocalService {
  const secrets = new Map<string, SecretRecord>();
  const random = world.random.fork("secretsmanager");
  const prefix = `arn:aws:secretsmanager:${world.region}:${world.accountId}:secret:`;
  const now = () => new Date(world.clock.now());

  // By name, by ARN, or by an ARN without its last seven characters (Secrets Manager API reference, GetSecretValue, 2026).
  const need = (id = "", deletedToo = false): SecretRecord => {
    const found =
      secrets.get(id) ?? [...secrets.values()].find(({ arn, name }) => arn === id || `${prefix}${name}` === id);
    if (!found) {
      throw new AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
    }
    if (found.deletedAt && !deletedToo) {
      throw new AwsError(
        "InvalidRequestException",
        "You can't perform this operation on the secret because it was marked for deletion.",
      );
    }
    return found;
  };

  const add = (
    secret: SecretRecord,
    { SecretString, SecretBinary, ClientRequestToken }: PutSecretValueCommandInput | CreateSecretCommandInput,
  ): SecretVersion => {
    if (SecretString !== undefined && SecretBinary !== undefined) {
      throw new AwsError(
        "InvalidParameterException",
        "You can't specify both a binary secret value and a string secret value in the same secret.",
      );
    }
    const id = ClientRequestToken ?? random.uuid();
    const version = { id, text: SecretString, binary: SecretBinary, createdAt: now() };
    secret.versions = [version, ...secret.versions].slice(0, 2);
    return version;
  };

  const stages = ({ versions }: SecretRecord) =>
    Object.fromEntries(versions.map(({ id }, i) => [id, [i === 0 ? "AWSCURRENT" : "AWSPREVIOUS"]]));

  const describe = (secret: SecretRecord) => ({
    ARN: secret.arn,
    Name: secret.name,
    Description: secret.description,
    KmsKeyId: secret.kmsKeyId,
    Tags: secret.tags,
    CreatedDate: secret.createdAt,
    LastChangedDate: secret.versions[0]?.createdAt ?? secret.createdAt,
    DeletedDate: secret.deletedAt,
  });

  return {
    name: "secrets-manager",
    operations: {
      CreateSecret: (input: CreateSecretCommandInput) => {
        const { Name = "" } = input;
        if (!/^[\w/+=.@-]{1,512}$/.test(Name)) {
          throw new AwsError(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
          );
        }
        if (input.AddReplicaRegions?.length)
          throw notImplemented("secretsmanager", "CreateSecret", "AddReplicaRegions");
        if (secrets.has(Name)) {
          throw new AwsError(
            "ResourceExistsException",
            `The operation failed because the secret ${Name} already exists.`,
          );
        }
        const suffix = Array.from({ length: 6 }, () => SUFFIX[random.integer(0, SUFFIX.length - 1)]).join("");
        const secret: SecretRecord = {
          arn: `${prefix}${Name}-${suffix}`,
          name: Name,
          description: input.Description,
          kmsKeyId: input.KmsKeyId,
          tags: input.Tags ?? [],
          createdAt: now(),
          deletedAt: undefined,
          versions: [],
        };
        const isEmpty = input.SecretString === undefined && input.SecretBinary === undefined;
        const version = isEmpty ? undefined : add(secret, input);
        secrets.set(Name, secret);
        return { ARN: secret.arn, Name, VersionId: version?.id };
      },

      PutSecretValue: (input: PutSecretValueCommandInput) => {
        if (input.VersionStages?.some((stage) => stage !== "AWSCURRENT")) {
          throw notImplemented("secretsmanager", "PutSecretValue", "VersionStages other than AWSCURRENT");
        }
        const secret = need(input.SecretId);
        const { id } = add(secret, input);
        return { ARN: secret.arn, Name: secret.name, VersionId: id, VersionStages: ["AWSCURRENT"] };
      },

      GetSecretValue: ({ SecretId, VersionId, VersionStage }: GetSecretValueCommandInput) => {
        const secret = need(SecretId);
        const stage = VersionStage ?? "AWSCURRENT";
        const found = secret.versions.find(({ id }, i) =>
          VersionId === undefined ? stage === (i === 0 ? "AWSCURRENT" : "AWSPREVIOUS") : id === VersionId,
        );
        if (!found) {
          const what = VersionId === undefined ? `staging label: ${stage}` : `VersionId: ${VersionId}`;
          throw new AwsError(
            "ResourceNotFoundException",
            `Secrets Manager can't find the specified secret value for ${what}`,
          );
        }
        return {
          ARN: secret.arn,
          Name: secret.name,
          VersionId: found.id,
          SecretString: found.text,
          SecretBinary: found.binary,
          VersionStages: stages(secret)[found.id],
          CreatedDate: found.createdAt,
        };
      },

      DescribeSecret: ({ SecretId }: { SecretId?: string }) => {
        const secret = need(SecretId, true);
        return { ...describe(secret), VersionIdsToStages: stages(secret) };
      },

      ListSecrets: (input: ListSecretsCommandInput) => {
        if (input.Filters?.length || input.NextToken)
          throw notImplemented("secretsmanager", "ListSecrets", "Filters, NextToken");
        const listed = [...secrets.values()].filter(({ deletedAt }) => !deletedAt || input.IncludePlannedDeletion);
        return {
          SecretList: listed.map((secret) => ({ ...describe(secret), SecretVersionsToStages: stages(secret) })),
        };
      },

      DeleteSecret: ({ SecretId, ForceDeleteWithoutRecovery, RecoveryWindowInDays }: DeleteSecretCommandInput) => {
        const secret = need(SecretId);
        // 30 days unless told otherwise (Secrets Manager API reference, DeleteSecret, 2026).
        secret.deletedAt = new Date(
          now().getTime() + (ForceDeleteWithoutRecovery ? 0 : (RecoveryWindowInDays ?? 30) * DAY_MS),
        );
        if (ForceDeleteWithoutRecovery) secrets.delete(secret.name);
        return { ARN: secret.arn, Name: secret.name, DeletionDate: secret.deletedAt };
      },
    },
    reset: () => secrets.clear(),
  };
}
