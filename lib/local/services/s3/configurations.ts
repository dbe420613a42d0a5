import { AwsError } from "../../kernel/errors.ts";
import type { OperationHandler } from "../../kernel/service.ts";
import type { Bucket } from "./store.ts";

/** Bucket settings that are kept and given back, and have no effect. */
interface Configuration {
  name: string;
  /** The member that carries it in Put and Get. */
  member: string;
  /** What Get answers before any Put: an error, or this output. */
  missing: AwsError | Record<string, unknown>;
  deletable: boolean;
}

const notFound = (code: string, message: string) => new AwsError(code, message, { status: 404 });

/** Buckets are encrypted with SSE-S3 unless told otherwise (S3 user guide, since January 2023). */
const SSE_S3 = {
  ServerSideEncryptionConfiguration: {
    Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" }, BucketKeyEnabled: false }],
  },
};

const CONFIGURATIONS: readonly Configuration[] = [
  { name: "BucketEncryption", member: "ServerSideEncryptionConfiguration", missing: SSE_S3, deletable: true },
  {
    name: "PublicAccessBlock",
    member: "PublicAccessBlockConfiguration",
    missing: notFound("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found"),
    deletable: true,
  },
  {
    name: "BucketPolicy",
    member: "Policy",
    missing: notFound("NoSuchBucketPolicy", "The bucket policy does not exist"),
    deletable: true,
  },
  {
    name: "BucketOwnershipControls",
    member: "OwnershipControls",
    missing: notFound("OwnershipControlsNotFoundError", "The bucket ownership controls were not found"),
    deletable: true,
  },
];

export function configurationOperations(
  need: (input: { Bucket?: string }) => Bucket,
): Record<string, OperationHandler> {
  const operations: Record<string, OperationHandler> = {};
  for (const { name, member, missing, deletable } of CONFIGURATIONS) {
    operations[`Put${name}`] = (input: { Bucket?: string } & Record<string, unknown>) => {
      need(input).configurations.set(name, input[member]);
      return {};
    };
    operations[`Get${name}`] = (input: { Bucket?: string }) => {
      const stored = need(input).configurations.get(name);
      if (stored !== undefined) return { [member]: stored };
      if (missing instanceof AwsError) throw missing;
      return missing;
    };
    if (!deletable) continue;
    operations[`Delete${name}`] = (input: { Bucket?: string }) => {
      need(input).configurations.delete(name);
      return {};
    };
  }
  return operations;
}
