import type {
  AliasListEntry,
  CreateAliasCommandInput,
  CreateKeyCommandInput,
  KeyMetadata,
  PutKeyPolicyCommandInput,
  ScheduleKeyDeletionCommandInput,
} from "@aws-sdk/client-kms";
import { AwsError } from "../../kernel/errors.ts";
import type { LocalService, World } from "../../kernel/service.ts";

interface KeyRecord {
  metadata: KeyMetadata & { KeyId: string; Arn: string };
  policy: string;
  rotation: boolean;
  tags: { TagKey?: string; TagValue?: string }[];
}

const DAY_MS = 86_400_000;

/** Keys and aliases are recorded so that resources can refer to them; nothing is encrypted with them. */
export function createKms(world: World): LocalService {
  const keys = new Map<string, KeyRecord>();
  const aliases = new Map<string, AliasListEntry & { AliasName: string; TargetKeyId: string }>();
  const random = world.random.fork("kms");
  const prefix = `arn:aws:kms:${world.region}:${world.accountId}:`;

  const need = (id = "") => {
    const alias = aliases.get(id.startsWith(prefix) ? id.slice(prefix.length) : id);
    const key = keys.get(alias?.TargetKeyId ?? id.replace(`${prefix}key/`, ""));
    if (key) return key;
    const arn = id.startsWith("arn:") ? id : `${prefix}${id.startsWith("alias/") ? id : `key/${id}`}`;
    throw new AwsError("NotFoundException", `${id.includes("alias/") ? "Alias" : "Key"} '${arn}' does not exist`);
  };

  return {
    name: "kms",
    operations: {
      CreateKey: (input: CreateKeyCommandInput) => {
        const KeyId = random.uuid();
        const metadata: KeyRecord["metadata"] = {
          AWSAccountId: world.accountId,
          KeyId,
          Arn: `${prefix}key/${KeyId}`,
          CreationDate: new Date(world.clock.now()),
          Enabled: true,
          Description: input.Description ?? "",
          KeyUsage: input.KeyUsage ?? "ENCRYPT_DECRYPT",
          KeyState: "Enabled",
          Origin: input.Origin ?? "AWS_KMS",
          KeyManager: "CUSTOMER",
          CustomerMasterKeySpec: "SYMMETRIC_DEFAULT",
          KeySpec: input.KeySpec ?? "SYMMETRIC_DEFAULT",
          EncryptionAlgorithms: ["SYMMETRIC_DEFAULT"],
          MultiRegion: input.MultiRegion ?? false,
        };
        keys.set(KeyId, { metadata, policy: input.Policy ?? "", rotation: false, tags: input.Tags ?? [] });
        return { KeyMetadata: metadata };
      },
      DescribeKey: ({ KeyId }: { KeyId?: string }) => ({ KeyMetadata: need(KeyId).metadata }),
      ListKeys: () => ({
        Keys: [...keys.values()].map(({ metadata }) => ({ KeyId: metadata.KeyId, KeyArn: metadata.Arn })),
        Truncated: false,
      }),
      UpdateKeyDescription: ({ KeyId, Description }: { KeyId?: string; Description?: string }) => {
        need(KeyId).metadata.Description = Description;
      },
      EnableKeyRotation: ({ KeyId }: { KeyId?: string }) => {
        need(KeyId).rotation = true;
      },
      DisableKeyRotation: ({ KeyId }: { KeyId?: string }) => {
        need(KeyId).rotation = false;
      },
      GetKeyRotationStatus: ({ KeyId }: { KeyId?: string }) => ({ KeyRotationEnabled: need(KeyId).rotation }),
      PutKeyPolicy: ({ KeyId, Policy = "" }: PutKeyPolicyCommandInput) => {
        need(KeyId).policy = Policy;
      },
      GetKeyPolicy: ({ KeyId }: { KeyId?: string }) => ({ Policy: need(KeyId).policy, PolicyName: "default" }),
      ListResourceTags: ({ KeyId }: { KeyId?: string }) => ({ Tags: need(KeyId).tags, Truncated: false }),
      ScheduleKeyDeletion: ({ KeyId, PendingWindowInDays = 30 }: ScheduleKeyDeletionCommandInput) => {
        const { metadata } = need(KeyId);
        metadata.KeyState = "PendingDeletion";
        metadata.Enabled = false;
        metadata.DeletionDate = new Date(world.clock.now() + PendingWindowInDays * DAY_MS);
        return {
          KeyId: metadata.Arn,
          DeletionDate: metadata.DeletionDate,
          KeyState: metadata.KeyState,
          PendingWindowInDays,
        };
      },
      CreateAlias: ({ AliasName = "", TargetKeyId }: CreateAliasCommandInput) => {
        const AliasArn = `${prefix}${AliasName}`;
        if (aliases.has(AliasName)) {
          throw new AwsError("AlreadyExistsException", `An alias with the name ${AliasArn} already exists`);
        }
        aliases.set(AliasName, { AliasName, AliasArn, TargetKeyId: need(TargetKeyId).metadata.KeyId });
      },
      UpdateAlias: ({ AliasName = "", TargetKeyId }: CreateAliasCommandInput) => {
        const alias = aliases.get(AliasName);
        if (!alias) throw new AwsError("NotFoundException", `Alias ${prefix}${AliasName} is not found.`);
        alias.TargetKeyId = need(TargetKeyId).metadata.KeyId;
      },
      DeleteAlias: ({ AliasName = "" }: { AliasName?: string }) => {
        if (!aliases.delete(AliasName))
          throw new AwsError("NotFoundException", `Alias ${prefix}${AliasName} is not found.`);
      },
      ListAliases: ({ KeyId }: { KeyId?: string }) => {
        const only = KeyId === undefined ? undefined : need(KeyId).metadata.KeyId;
        const Aliases = [...aliases.values()].filter(({ TargetKeyId }) => only === undefined || TargetKeyId === only);
        return { Aliases, Truncated: false };
      },
    },
    reset: () => {
      keys.clear();
      aliases.clear();
    },
  };
}
