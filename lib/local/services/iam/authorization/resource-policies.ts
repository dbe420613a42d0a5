import { queueUrlOf } from "../../sqs/queue-url.ts";
import type { Identities } from "./identities.ts";
import type { Need, Place } from "./rules.ts";

export interface ResourcePolicy {
  document: string;
  /**
   * Trust policies and key policies must allow the principal, or the account that then decides; other policies of
   * resources add to what the principal's own policies allow (IAM user guide, "Policy evaluation logic", 2025).
   */
  mustAllow: boolean;
}

/** What a key without a policy of its own has: the account decides (KMS developer guide, default key policy, 2025). */
const defaultKeyPolicy = (accountId: string) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      { Effect: "Allow", Principal: { AWS: `arn:aws:iam::${accountId}:root` }, Action: "kms:*", Resource: "*" },
    ],
  });

/** The policy of the resource that a right is needed on, where it has one. */
export function resourcePolicy(place: Place, identities: Identities, need: Need): ResourcePolicy | undefined {
  const { resource } = need;
  if (resource === undefined || resource === "*") return undefined;
  if (need.action === "sts:AssumeRole") {
    return { document: identities.trustPolicyOf(resource) ?? NOTHING, mustAllow: true };
  }
  const [, , service, , , ...rest] = resource.split(":");
  const adding = (document: string | undefined) => (document ? { document, mustAllow: false } : undefined);
  const attributes = (name: string, operation: string, input: object) =>
    place.read<{ Attributes?: { Policy?: string } }>(name, operation, input)?.Attributes?.Policy;
  switch (service) {
    case "lambda": {
      const [, FunctionName, Qualifier] = rest;
      return adding(place.read<{ Policy?: string }>("lambda", "GetPolicy", { FunctionName, Qualifier })?.Policy);
    }
    case "sns":
      return adding(attributes("sns", "GetTopicAttributes", { TopicArn: resource }));
    case "sqs": {
      const input = { QueueUrl: queueUrlOf(place.world, resource), AttributeNames: ["Policy"] };
      return adding(attributes("sqs", "GetQueueAttributes", input));
    }
    case "s3": {
      const [Bucket] = rest.join(":").split("/");
      return adding(place.read<{ Policy?: string }>("s3", "GetBucketPolicy", { Bucket })?.Policy);
    }
    case "kms": {
      const key = place.read<{ Policy?: string }>("kms", "GetKeyPolicy", { KeyId: resource });
      return { document: key?.Policy || defaultKeyPolicy(place.world.accountId), mustAllow: true };
    }
    default:
      return undefined;
  }
}

const NOTHING = JSON.stringify({ Version: "2012-10-17", Statement: [] });
