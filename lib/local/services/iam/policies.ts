import { AwsError } from "../../kernel/errors.ts";

export function parsePolicy(document: string): void {
  try {
    const parsed: unknown = JSON.parse(document);
    if (typeof parsed === "object" && parsed !== null) return;
  } catch {
    // Answered below, like a document that is JSON but no object.
  }
  throw new AwsError("MalformedPolicyDocument", "This policy contains invalid Json");
}

/** Policy documents leave IAM percent-encoded after RFC 3986 (IAM API reference, GetRole, 2025). */
export function encodePolicy(document: string): string {
  return encodeURIComponent(document).replace(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

export function noSuchEntity(message: string): AwsError {
  return new AwsError("NoSuchEntity", message, { status: 404 });
}

export function alreadyExists(message: string): AwsError {
  return new AwsError("EntityAlreadyExists", message, { status: 409 });
}

export function deleteConflict(message: string): AwsError {
  return new AwsError("DeleteConflict", message, { status: 409 });
}
