import type {
  AccountSettings,
  DeletionProtectionCheck,
  ListTagsForResourceCommandInput,
  ResourceTags,
  TagResourceCommandInput,
  UntagResourceCommandInput,
  UpdateAccountSettingsCommandInput,
} from "@aws-sdk/client-appconfig";
import type { OperationHandler } from "../../kernel/service.ts";
import { badRequest, checkRange, notFound, requireMembers } from "./errors.ts";
import type { AppConfigStore } from "./store.ts";

const HOUR_MS = 3_600_000;

/** Account settings and tags. */
export function accountOperations(store: AppConfigStore): Record<string, OperationHandler> {
  return {
    GetAccountSettings: (): AccountSettings => ({ DeletionProtection: { ...store.settings.DeletionProtection } }),
    UpdateAccountSettings(input: UpdateAccountSettingsCommandInput): AccountSettings {
      checkRange("protectionPeriodInMinutes", input.DeletionProtection?.ProtectionPeriodInMinutes, 15, 1_440);
      store.settings = { DeletionProtection: { ...store.settings.DeletionProtection, ...input.DeletionProtection } };
      return { DeletionProtection: { ...store.settings.DeletionProtection } };
    },
    TagResource(input: TagResourceCommandInput): Record<string, never> {
      const arn = taggable(store, input.ResourceArn);
      requireMembers(input, ["Tags"]);
      store.tags.set(arn, { ...store.tags.get(arn), ...input.Tags });
      return {};
    },
    UntagResource(input: UntagResourceCommandInput): Record<string, never> {
      const arn = taggable(store, input.ResourceArn);
      const kept = Object.entries(store.tags.get(arn) ?? {}).filter(([key]) => !input.TagKeys?.includes(key));
      store.tags.set(arn, Object.fromEntries(kept));
      return {};
    },
    ListTagsForResource: (input: ListTagsForResourceCommandInput): ResourceTags => ({
      Tags: { ...store.tags.get(taggable(store, input.ResourceArn)) },
    }),
  };
}

/** Throws when the ARN names nothing that exists. */
function taggable(store: AppConfigStore, arn: string | undefined): string {
  const prefix = store.arn("");
  if (!arn?.startsWith(prefix)) throw badRequest(`The ARN ${arn} is not valid`);
  const [kind, id, childKind, childId, grandchildKind, grandchildId] = arn.slice(prefix.length).split("/");
  if (kind === "deploymentstrategy") store.strategy(id);
  else if (kind !== "application") throw notFound("Resource");
  else if (childKind === undefined) store.application(id);
  else if (childKind === "configurationprofile") store.profile(id, childId);
  else if (childKind === "environment" && grandchildKind === undefined) store.environment(id, childId);
  else if (childKind === "environment" && grandchildKind === "deployment") {
    store.deployment(store.environment(id, childId), Number(grandchildId));
  } else throw notFound("Resource");
  return arn;
}

/**
 * Refuses to delete what was read lately, when protection is on or asked for. Things younger than an hour are not
 * protected unless APPLY forces it (API reference, DeleteEnvironment, 2025).
 */
export function checkDeletionProtection(
  store: AppConfigStore,
  record: { id: string; createdAtMs: number; lastPolledAtMs: number | undefined },
  check: DeletionProtectionCheck | undefined,
): void {
  const { Enabled, ProtectionPeriodInMinutes = 60 } = store.settings.DeletionProtection;
  if (check === "BYPASS" || (check !== "APPLY" && !Enabled)) return;
  const now = store.now().getTime();
  if (check !== "APPLY" && now - record.createdAtMs < HOUR_MS) return;
  if (record.lastPolledAtMs === undefined || now - record.lastPolledAtMs > ProtectionPeriodInMinutes * 60_000) return;
  throw badRequest(
    `Cannot delete ${record.id} because it was read within the last ${ProtectionPeriodInMinutes} minutes. ` +
      "Set DeletionProtectionCheck to BYPASS to delete it nevertheless.",
  );
}
