import { AwsError } from "../../kernel/errors.ts";

export interface StoredObject {
  bytes: Uint8Array;
  etag: string;
  lastModified: Date;
  contentType: string;
  /** Further headers that a client stored with the object, by the name of their member. */
  headers: Record<string, unknown>;
  metadata: Record<string, string>;
}

export interface Upload {
  key: string;
  template: Omit<StoredObject, "bytes" | "etag" | "lastModified">;
  parts: Map<number, { bytes: Uint8Array; etag: string }>;
}

export interface Bucket {
  name: string;
  createdAt: Date;
  objects: Map<string, StoredObject>;
  uploads: Map<string, Upload>;
  /** Encryption, versioning, policy …: stored as given, by the name of the configuration. */
  configurations: Map<string, unknown>;
}

export const noSuchBucket = (name: string) =>
  new AwsError("NoSuchBucket", "The specified bucket does not exist", { status: 404, members: { BucketName: name } });

export const noSuchKey = (key: string) =>
  new AwsError("NoSuchKey", "The specified key does not exist.", { status: 404, members: { Key: key } });
