import { describe, expect, it } from "vitest";
import { isNotFound, toGoaroundError } from "../../lib/adapters/errors.ts";
import { GoaroundError } from "../../lib/core/errors.ts";

const sdkError = (name: string, members: object = {}) =>
  Object.assign(new Error(`${name} happened`), { name, ...members });
const context = {
  operation: "lambda UpdateAlias",
  subject: "alias live of checkout",
  missing: "alias-missing",
} as const;
const codeOf = (name: string, members: object = {}) => toGoaroundError(sdkError(name, members), context).code;

describe("errors of the SDK", () => {
  it("are throttling by every name that the services use, and by status 429", () => {
    for (const name of ["ThrottlingException", "TooManyRequestsException", "Throttling", "SlowDown"]) {
      expect(codeOf(name)).toBe("throttled");
    }
    expect(codeOf("Whatever", { $metadata: { httpStatusCode: 429 } })).toBe("throttled");
  });

  it("are a wrong identity when credentials are missing, expired or not allowed", () => {
    for (const name of ["AccessDeniedException", "AccessDenied", "ExpiredTokenException", "CredentialsProviderError"]) {
      expect(codeOf(name)).toBe("wrong-identity");
    }
  });

  it("are a conflict for a stale revision", () => {
    expect(codeOf("PreconditionFailedException", { $metadata: { httpStatusCode: 412 } })).toBe("conflict");
    expect(codeOf("ConflictException")).toBe("conflict");
  });

  it("take the caller's word for what not found means, and stay a fault without it", () => {
    expect(codeOf("ResourceNotFoundException")).toBe("alias-missing");
    const vague = toGoaroundError(sdkError("ResourceNotFoundException"), { operation: "x", subject: "y" });
    expect(vague.code).toBe("aws-fault");
  });

  it("are an AWS fault otherwise, with operation, subject and the service's own words", () => {
    const error = toGoaroundError(sdkError("ServiceException"), context);
    expect(error.code).toBe("aws-fault");
    expect(error.message).toBe(
      "lambda UpdateAlias for alias live of checkout: ServiceException: ServiceException happened",
    );
  });

  it("say to look at the endpoint when nobody listens", () => {
    expect(toGoaroundError(sdkError("Error", { code: "ECONNREFUSED" }), context).advice).toContain("--endpoint-url");
  });

  it("say after a time-out that the call may have had its effect", () => {
    expect(toGoaroundError(sdkError("TimeoutError"), context).advice).toContain("may have had its effect");
  });

  it("pass our own errors through", () => {
    const own = new GoaroundError("refused", "operator", "no");
    expect(toGoaroundError(own, context)).toBe(own);
  });

  it("keep the cause but not the raw response, which holds the signed request", () => {
    const error = toGoaroundError(sdkError("ServiceException", { $response: { headers: {} } }), context);
    expect(error.cause).toBeInstanceOf(Error);
    expect(error.cause).not.toHaveProperty("$response");
  });

  it("know what is not found in each service's spelling", () => {
    for (const name of [
      "ParameterNotFound",
      "NotFoundException",
      "DeploymentDoesNotExistException",
      "ResourceNotFound",
    ]) {
      expect(isNotFound(sdkError(name))).toBe(true);
    }
    expect(isNotFound(sdkError("AccessDeniedException"))).toBe(false);
  });
});
