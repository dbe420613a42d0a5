import { Readable } from "node:stream";
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  GetBucketEncryptionCommand,
  GetBucketLocationCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  PutPublicAccessBlockCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { serve } from "./serve.ts";

let served: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  served = await serve({ region: "eu-central-1" });
});
beforeEach(async () => {
  await served.aws.reset();
  await s3().send(
    new CreateBucketCommand({ Bucket: "b-1", CreateBucketConfiguration: { LocationConstraint: "eu-central-1" } }),
  );
});
afterAll(() => served.aws.close());

const s3 = () => new S3Client(served.client);
const put = (Key: string, Body: string | Readable, extra: object = {}) =>
  s3().send(new PutObjectCommand({ Bucket: "b-1", Key, Body, ...extra }));
const get = async (Key: string, extra: object = {}) => {
  const reply = await s3().send(new GetObjectCommand({ Bucket: "b-1", Key, ...extra }));
  return { ...reply, text: await reply.Body?.transformToString() };
};

describe("S3", () => {
  it("gives an object back with its type and metadata, whatever its key", async () => {
    const key = "a dir/é+&?.txt";
    await put(key, "hello", { ContentType: "text/plain", Metadata: { owner: "me" } });
    expect(await get(key)).toMatchObject({
      text: "hello",
      ContentType: "text/plain",
      Metadata: { owner: "me" },
      ContentLength: 5,
    });
    const bytes = served.aws.world.links.readObject("b-1", key);
    expect(new TextDecoder().decode(bytes)).toBe("hello");
  });

  it("reads bodies that clients stream in chunks", async () => {
    await put("streamed", Readable.from([Buffer.from("one "), Buffer.from("two")]), { ContentLength: 7 });
    expect((await get("streamed")).text).toBe("one two");
  });

  it("keeps a gzipped object gzipped", async () => {
    await put("z", "not really gzip", { ContentEncoding: "gzip" });
    const reply = await get("z");
    expect(reply).toMatchObject({ text: "not really gzip", ContentEncoding: "gzip" });
  });

  it("reads a range", async () => {
    await put("k", "0123456789");
    expect(await get("k", { Range: "bytes=2-4" })).toMatchObject({ text: "234", ContentRange: "bytes 2-4/10" });
  });

  it("answers 404 for a missing object and a missing bucket", async () => {
    await expect(get("none")).rejects.toMatchObject({ name: "NoSuchKey", $metadata: { httpStatusCode: 404 } });
    await expect(s3().send(new HeadObjectCommand({ Bucket: "b-1", Key: "none" }))).rejects.toMatchObject({
      name: "NotFound",
    });
    await expect(s3().send(new HeadBucketCommand({ Bucket: "none" }))).rejects.toMatchObject({ name: "NotFound" });
  });

  it("lists by prefix, folds by delimiter and pages", async () => {
    for (const key of ["a/1", "a/2", "b", "c"]) await put(key, key);
    const folded = await s3().send(new ListObjectsV2Command({ Bucket: "b-1", Delimiter: "/" }));
    expect(folded.Contents?.map(({ Key }) => Key)).toEqual(["b", "c"]);
    expect(folded.CommonPrefixes).toEqual([{ Prefix: "a/" }]);
    const first = await s3().send(new ListObjectsV2Command({ Bucket: "b-1", MaxKeys: 3 }));
    expect(first.IsTruncated).toBe(true);
    const rest = await s3().send(
      new ListObjectsV2Command({ Bucket: "b-1", ContinuationToken: first.NextContinuationToken }),
    );
    expect(rest.Contents?.map(({ Key }) => Key)).toEqual(["c"]);
  });

  it("deletes a bucket only when it is empty", async () => {
    await put("k", "v");
    await expect(s3().send(new DeleteBucketCommand({ Bucket: "b-1" }))).rejects.toMatchObject({
      name: "BucketNotEmpty",
    });
    await s3().send(new DeleteObjectsCommand({ Bucket: "b-1", Delete: { Objects: [{ Key: "k" }] } }));
    await s3().send(new DeleteBucketCommand({ Bucket: "b-1" }));
    expect((await s3().send(new ListBucketsCommand({}))).Buckets?.map(({ Name }) => Name)).not.toContain("b-1");
  });

  it("puts the parts of an upload together", async () => {
    const common = { Bucket: "b-1", Key: "big" };
    const { UploadId } = await s3().send(new CreateMultipartUploadCommand(common));
    const Parts = [];
    for (const [index, Body] of ["first,", "second"].entries()) {
      const PartNumber = index + 1;
      const { ETag } = await s3().send(new UploadPartCommand({ ...common, UploadId, PartNumber, Body }));
      Parts.push({ PartNumber, ETag });
    }
    await s3().send(new CompleteMultipartUploadCommand({ ...common, UploadId, MultipartUpload: { Parts } }));
    expect((await get("big")).text).toBe("first,second");
  });

  it("copies objects", async () => {
    await put("from here", "v");
    await s3().send(new CopyObjectCommand({ Bucket: "b-1", Key: "to", CopySource: "b-1/from%20here" }));
    expect((await get("to")).text).toBe("v");
  });

  it("tells its location, its default encryption and the settings that were stored", async () => {
    const Bucket = "b-1";
    expect((await s3().send(new GetBucketLocationCommand({ Bucket }))).LocationConstraint).toBe("eu-central-1");
    const { ServerSideEncryptionConfiguration } = await s3().send(new GetBucketEncryptionCommand({ Bucket }));
    expect(ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault).toEqual({
      SSEAlgorithm: "AES256",
    });
    await expect(s3().send(new GetPublicAccessBlockCommand({ Bucket }))).rejects.toMatchObject({
      name: "NoSuchPublicAccessBlockConfiguration",
    });
    const PublicAccessBlockConfiguration = { BlockPublicAcls: true, IgnorePublicAcls: false };
    await s3().send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration }));
    expect((await s3().send(new GetPublicAccessBlockCommand({ Bucket }))).PublicAccessBlockConfiguration).toEqual(
      PublicAccessBlockConfiguration,
    );
  });

  it("has the CDK's versioned asset bucket", async () => {
    const Bucket = "cdk-hnb659fds-assets-111122223333-eu-central-1";
    expect((await s3().send(new GetBucketVersioningCommand({ Bucket }))).Status).toBe("Enabled");
  });
});
