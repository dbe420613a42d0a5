import type { Tag } from "@aws-sdk/client-cloudwatch";
import type { AlarmEngine } from "./alarm-engine.ts";
import { taggedResourceNotFound } from "./errors.ts";

/** Tags by ARN, in the order in which they came. */
export class TagStore {
  private readonly tags = new Map<string, Map<string, string>>();

  set(arn: string, tags: readonly Tag[]): void {
    const known = this.tags.get(arn) ?? new Map<string, string>();
    for (const { Key = "", Value = "" } of tags) known.set(Key, Value);
    this.tags.set(arn, known);
  }

  remove(arn: string, keys: readonly string[]): void {
    for (const key of keys) this.tags.get(arn)?.delete(key);
  }

  list(arn: string): Tag[] {
    return [...(this.tags.get(arn) ?? [])].map(([Key, Value]) => ({ Key, Value }));
  }

  forget(arn: string): void {
    this.tags.delete(arn);
  }

  clear(): void {
    this.tags.clear();
  }
}

export function tagOperations(engine: AlarmEngine, tags: TagStore) {
  const existing = (arn = "") => {
    if (!engine.find(arn)) throw taggedResourceNotFound(arn);
    return arn;
  };
  return {
    TagResource: (input: { ResourceARN?: string; Tags?: Tag[] }) => {
      tags.set(existing(input.ResourceARN), input.Tags ?? []);
      return {};
    },
    UntagResource: (input: { ResourceARN?: string; TagKeys?: string[] }) => {
      tags.remove(existing(input.ResourceARN), input.TagKeys ?? []);
      return {};
    },
    ListTagsForResource: (input: { ResourceARN?: string }) => ({ Tags: tags.list(existing(input.ResourceARN)) }),
  };
}
