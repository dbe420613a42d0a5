import type {
  CreateBucketCommandInput,
  PutBucketTaggingCommandInput,
  PutBucketVersioningCommandInput,
} from "@aws-sdk/client-s3";
import { AwsError } from "../../kernel/errors.ts";
import type { LocalService, World } from "../../kernel/service.ts";
import { configurationOperations } from "./configurations.ts";
import { objectOperations } from "./objects.ts";
import { type Bucket, noSuchBucket } from "./store.ts";
import { uploadOperations } from "./uploads.ts";

/** Bucket names: 3 to 63 of lower-case letters, digits, dots and hyphens (S3 user guide, 2025). */
const BUCKET_NAME = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/** S3 with path-style addresses. Buckets keep the newest version of each object only; policies have no effect. */
export function createS3(world: World): LocalService {
  const buckets = new Map<string, Bucket>();
  const need = ({ Bucket: name = "" }: { Bucket?: string }): Bucket => {
    const bucket = buckets.get(name);
    if (!bucket) throw noSuchBucket(name);
    return bucket;
  };
  world.install("readObject", (bucket, key) => buckets.get(bucket)?.objects.get(key)?.bytes);

  return {
    name: "s3",
    operations: {
      ...objectOperations(world, need),
      ...uploadOperations(world, need),
      ...configurationOperations(need),
      CreateBucket: ({ Bucket: name = "" }: CreateBucketCommandInput) => {
        if (!BUCKET_NAME.test(name)) throw new AwsError("InvalidBucketName", "The specified bucket is not valid.");
        // Outside us-east-1, creating one's own bucket again is an error (S3 API reference, CreateBucket, 2025).
        if (buckets.has(name) && world.region !== "us-east-1") {
          throw new AwsError(
            "BucketAlreadyOwnedByYou",
            "Your previous request to create the named bucket succeeded and you already own it.",
            { status: 409, members: { BucketName: name } },
          );
        }
        if (!buckets.has(name)) {
          const createdAt = new Date(world.clock.now());
          buckets.set(name, { name, createdAt, objects: new Map(), uploads: new Map(), configurations: new Map() });
        }
        return { Location: `/${name}` };
      },
      DeleteBucket: (input: { Bucket?: string }) => {
        const bucket = need(input);
        if (bucket.objects.size > 0) {
          throw new AwsError("BucketNotEmpty", "The bucket you tried to delete is not empty", {
            status: 409,
            members: { BucketName: bucket.name },
          });
        }
        buckets.delete(bucket.name);
        return {};
      },
      HeadBucket: (input: { Bucket?: string }) => {
        need(input);
        return { BucketRegion: world.region };
      },
      ListBuckets: () => ({
        Buckets: [...buckets.values()]
          .sort((a, b) => (a.name < b.name ? -1 : 1))
          .map(({ name, createdAt }) => ({ Name: name, CreationDate: createdAt })),
        Owner: { ID: world.accountId },
      }),
      GetBucketLocation: (input: { Bucket?: string }) => {
        need(input);
        return { LocationConstraint: world.region === "us-east-1" ? "" : world.region };
      },
      PutBucketVersioning: (input: PutBucketVersioningCommandInput) => {
        need(input).configurations.set("BucketVersioning", input.VersioningConfiguration);
      },
      GetBucketVersioning: (input: { Bucket?: string }) => need(input).configurations.get("BucketVersioning") ?? {},
      PutBucketTagging: (input: PutBucketTaggingCommandInput) => {
        need(input).configurations.set("BucketTagging", input.Tagging?.TagSet ?? []);
      },
      GetBucketTagging: (input: { Bucket?: string }) => {
        const TagSet = need(input).configurations.get("BucketTagging");
        if (!TagSet) throw new AwsError("NoSuchTagSet", "The TagSet does not exist", { status: 404 });
        return { TagSet };
      },
      DeleteBucketTagging: (input: { Bucket?: string }) => {
        need(input).configurations.delete("BucketTagging");
      },
    },
    reset: () => buckets.clear(),
  };
}
