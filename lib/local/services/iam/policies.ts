import { AwsError } from "../../kernel/errors.ts";

function parsePolicy(document: string): void {
  try {
    const parsed: unknown = JSON.parse(document);
    if (typeof parsed === "object" && parsed !== null) return;
  } catch {
    // Answered below, like a document that is JSON but no object.
  }
  throw new AwsError("MalformedPolicyDocument", "This policy contains invalid Json");
}

type Statement = Record<string, unknown>;

const malformed = (message: string) => new AwsError("MalformedPolicyDocument", message);

function statementsOf(document: string): Statement[] {
  parsePolicy(document);
  const { Statement: given = [] } = JSON.parse(document) as { Statement?: Statement | Statement[] };
  return Array.isArray(given) ? given : [given];
}

/** What a role's trust policy must and must not say (recorded, test_update_assume_role_policy_errors, 2026-02). */
export function checkTrustPolicy(document: string): void {
  for (const statement of statementsOf(document)) {
    if ("Resource" in statement) throw malformed("Has prohibited field Resource");
    const actions = [statement.Action ?? []].flat();
    if (actions.some((action) => !/^(\*|sts:.+)$/i.test(String(action)))) {
      throw malformed("AssumeRole policy may only specify STS AssumeRole actions.");
    }
    if (!("Principal" in statement || "NotPrincipal" in statement)) {
      throw malformed("Missing required field Principal");
    }
  }
}

/** What a policy of an identity must and must not say (texts as public reports have them, 2020 to 2025). */
export function checkIdentityPolicy(document: string): void {
  for (const statement of statementsOf(document)) {
    if ("Principal" in statement || "NotPrincipal" in statement) {
      throw malformed("Policy document should not specify a principal.");
    }
    if (!("Action" in statement || "NotAction" in statement)) throw malformed("Policy statement must contain actions.");
    if (!("Resource" in statement || "NotResource" in statement)) {
      throw malformed("Policy statement must contain resources.");
    }
  }
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
