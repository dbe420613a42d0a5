import type {
  CompleteMultipartUploadCommandInput,
  CreateMultipartUploadCommandInput,
  UploadPartCommandInput,
} from "@aws-sdk/client-s3";
import { AwsError } from "../../kernel/errors.ts";
import type { OperationHandler, World } from "../../kernel/service.ts";
import { md5, templateOf } from "./objects.ts";
import type { Bucket, Upload } from "./store.ts";

/** Multipart uploads: the CDK and AWS CLIs use them for assets above a few megabytes. */
export function uploadOperations(
  world: World,
  need: (input: { Bucket?: string }) => Bucket,
): Record<string, OperationHandler> {
  const random = world.random.fork("s3-uploads");
  const needUpload = (input: { Bucket?: string; UploadId?: string }): Upload => {
    const upload = need(input).uploads.get(input.UploadId ?? "");
    if (upload) return upload;
    throw new AwsError(
      "NoSuchUpload",
      "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
      { status: 404 },
    );
  };
  return {
    CreateMultipartUpload: (input: CreateMultipartUploadCommandInput) => {
      const UploadId = random.text(64);
      need(input).uploads.set(UploadId, { key: input.Key ?? "", template: templateOf(input), parts: new Map() });
      return { Bucket: input.Bucket, Key: input.Key, UploadId, ServerSideEncryption: "AES256" };
    },
    UploadPart: (input: UploadPartCommandInput) => {
      const bytes = (input.Body ?? new Uint8Array()) as Uint8Array;
      const etag = md5(bytes);
      needUpload(input).parts.set(input.PartNumber ?? 0, { bytes, etag });
      return { ETag: `"${etag}"` };
    },
    CompleteMultipartUpload: (input: CompleteMultipartUploadCommandInput) => {
      const bucket = need(input);
      const upload = needUpload(input);
      const parts = (input.MultipartUpload?.Parts ?? []).map(({ PartNumber = 0, ETag = "" }) => {
        const part = upload.parts.get(PartNumber);
        if (!part || part.etag !== ETag.replace(/"/g, "")) {
          throw new AwsError(
            "InvalidPart",
            "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
          );
        }
        return part;
      });
      const bytes = Buffer.concat(parts.map((part) => part.bytes));
      const etag = `${md5(Buffer.concat(parts.map((part) => Buffer.from(part.etag, "hex"))))}-${parts.length}`;
      bucket.objects.set(upload.key, { ...upload.template, bytes, etag, lastModified: new Date(world.clock.now()) });
      bucket.uploads.delete(input.UploadId ?? "");
      return { Bucket: input.Bucket, Key: input.Key, ETag: `"${etag}"` };
    },
    AbortMultipartUpload: (input: { Bucket?: string; UploadId?: string }) => {
      needUpload(input);
      need(input).uploads.delete(input.UploadId ?? "");
      return {};
    },
  };
}
