import { createHash } from "node:crypto";
import type {
  CopyObjectCommandInput,
  DeleteObjectsCommandInput,
  GetObjectCommandInput,
  ListObjectsCommandInput,
  ListObjectsV2CommandInput,
  PutObjectCommandInput,
} from "@aws-sdk/client-s3";
import { AwsError, notImplemented } from "../../kernel/errors.ts";
import type { OperationHandler, World } from "../../kernel/service.ts";
import { type Bucket, noSuchKey, type StoredObject } from "./store.ts";

type Need = (input: { Bucket?: string }) => Bucket;

/** Headers that S3 gives back as they were stored. */
const STORED_HEADERS = [
  "CacheControl",
  "ContentDisposition",
  "ContentEncoding",
  "ContentLanguage",
  "ServerSideEncryption",
  "SSEKMSKeyId",
  "BucketKeyEnabled",
] as const;

export function md5(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("hex");
}

export function templateOf(
  input: Partial<PutObjectCommandInput>,
): Omit<StoredObject, "bytes" | "etag" | "lastModified"> {
  const headers: Record<string, unknown> = { ServerSideEncryption: "AES256" };
  for (const name of STORED_HEADERS) if (input[name] !== undefined) headers[name] = input[name];
  return { contentType: input.ContentType ?? "binary/octet-stream", headers, metadata: input.Metadata ?? {} };
}

export function objectOperations(world: World, need: Need): Record<string, OperationHandler> {
  const stored = (input: { Bucket?: string; Key?: string; VersionId?: string }, operation: string) => {
    if (input.VersionId !== undefined) throw notImplemented("s3", operation, "VersionId: only newest objects are kept");
    const object = need(input).objects.get(input.Key ?? "");
    if (!object) throw noSuchKey(input.Key ?? "");
    return object;
  };
  const head = (object: StoredObject) => ({
    ...object.headers,
    AcceptRanges: "bytes",
    ContentLength: object.bytes.length,
    ContentType: object.contentType,
    ETag: `"${object.etag}"`,
    LastModified: object.lastModified,
    Metadata: object.metadata,
  });

  return {
    PutObject: (input: PutObjectCommandInput) => {
      const bucket = need(input);
      const bytes = (input.Body ?? new Uint8Array()) as Uint8Array;
      if (input.IfNoneMatch === "*" && bucket.objects.has(input.Key ?? "")) {
        throw new AwsError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", {
          status: 412,
          members: { Condition: "If-None-Match" },
        });
      }
      const object = { ...templateOf(input), bytes, etag: md5(bytes), lastModified: new Date(world.clock.now()) };
      bucket.objects.set(input.Key ?? "", object);
      return { ETag: `"${object.etag}"`, ServerSideEncryption: object.headers.ServerSideEncryption };
    },
    GetObject: (input: GetObjectCommandInput) => {
      const object = stored(input, "GetObject");
      if (input.Range === undefined) return { ...head(object), Body: object.bytes };
      const { start, end } = parseRange(input.Range, object.bytes.length);
      return {
        ...head(object),
        Body: object.bytes.slice(start, end + 1),
        ContentLength: end - start + 1,
        ContentRange: `bytes ${start}-${end}/${object.bytes.length}`,
      };
    },
    HeadObject: (input: GetObjectCommandInput) => head(stored(input, "HeadObject")),
    DeleteObject: (input: { Bucket?: string; Key?: string }) => {
      need(input).objects.delete(input.Key ?? "");
      return {};
    },
    DeleteObjects: (input: DeleteObjectsCommandInput) => {
      const { objects } = need(input);
      const keys = (input.Delete?.Objects ?? []).map(({ Key = "" }) => Key);
      for (const key of keys) objects.delete(key);
      return { Deleted: input.Delete?.Quiet ? undefined : keys.map((Key) => ({ Key })) };
    },
    CopyObject: (input: CopyObjectCommandInput) => {
      const [source = "", ...rest] = decodeURIComponent(input.CopySource ?? "")
        .replace(/^\//, "")
        .split("/");
      const original = stored({ Bucket: source, Key: rest.join("/") }, "CopyObject");
      const replaced = input.MetadataDirective === "REPLACE" ? templateOf(input as Partial<PutObjectCommandInput>) : {};
      const copy = { ...original, ...replaced, lastModified: new Date(world.clock.now()) };
      need(input).objects.set(input.Key ?? "", copy);
      return { CopyObjectResult: { ETag: `"${copy.etag}"`, LastModified: copy.lastModified } };
    },
    ListObjectsV2: (input: ListObjectsV2CommandInput) => {
      const after = input.ContinuationToken
        ? Buffer.from(input.ContinuationToken, "base64url").toString()
        : input.StartAfter;
      const listed = list(need(input), input, after);
      return {
        ...listed.reply,
        StartAfter: input.StartAfter,
        ContinuationToken: input.ContinuationToken,
        KeyCount: listed.reply.Contents.length + listed.reply.CommonPrefixes.length,
        NextContinuationToken: listed.last === undefined ? undefined : Buffer.from(listed.last).toString("base64url"),
      };
    },
    ListObjects: (input: ListObjectsCommandInput) => {
      const listed = list(need(input), input, input.Marker);
      return { ...listed.reply, Marker: input.Marker ?? "", NextMarker: listed.last };
    },
  };
}

interface Listing {
  Bucket?: string;
  Prefix?: string;
  Delimiter?: string;
  MaxKeys?: number;
  EncodingType?: "url";
}

const MAX_KEYS = 1000;

function list(bucket: Bucket, input: Listing, after = "") {
  const { Prefix = "", Delimiter, MaxKeys = MAX_KEYS } = input;
  const encode = (text: string) =>
    input.EncodingType === "url" ? encodeURIComponent(text).replace(/%2F/g, "/") : text;
  const keys = [...bucket.objects.keys()].filter((key) => key.startsWith(Prefix)).sort();
  const contents: { Key: string; LastModified: Date; ETag: string; Size: number; StorageClass: "STANDARD" }[] = [];
  const prefixes = new Set<string>();
  let last: string | undefined;
  for (const key of keys) {
    const cut = Delimiter ? key.indexOf(Delimiter, Prefix.length) : -1;
    const group = Delimiter && cut !== -1 ? key.slice(0, cut + Delimiter.length) : undefined;
    if ((group ?? key) <= after || (group !== undefined && prefixes.has(group))) continue;
    if (contents.length + prefixes.size >= MaxKeys) return result(last);
    if (group !== undefined) prefixes.add(group);
    else contents.push(entry(key, bucket.objects.get(key) as StoredObject));
    last = group ?? key;
  }
  return result(undefined);

  function entry(key: string, object: StoredObject) {
    return {
      Key: encode(key),
      LastModified: object.lastModified,
      ETag: `"${object.etag}"`,
      Size: object.bytes.length,
      StorageClass: "STANDARD" as const,
    };
  }
  function result(next: string | undefined) {
    const reply = {
      Name: bucket.name,
      Prefix: encode(Prefix),
      Delimiter,
      MaxKeys,
      EncodingType: input.EncodingType,
      IsTruncated: next !== undefined,
      Contents: contents,
      CommonPrefixes: [...prefixes].map((prefix) => ({ Prefix: encode(prefix) })),
    };
    return { reply, last: next };
  }
}

function parseRange(range: string, size: number): { start: number; end: number } {
  const match = /^bytes=(\d*)-(\d*)$/.exec(range);
  const [, first = "", second = ""] = match ?? [];
  const start = first === "" ? Math.max(0, size - Number(second)) : Number(first);
  const end = first === "" || second === "" ? size - 1 : Math.min(Number(second), size - 1);
  if (!match || start > end)
    throw new AwsError("InvalidRange", "The requested range is not satisfiable", { status: 416 });
  return { start, end };
}
