import { AwsError } from "../../../kernel/errors.ts";
import type { AuthorizationRequest, Principal, World } from "../../../kernel/service.ts";
import { type AccessRequest, evaluateIdentity, evaluateResource } from "../evaluation/evaluate.ts";
import { NotEvaluable, parsePolicy } from "../evaluation/policy.ts";
import { contextKeys } from "./context.ts";
import { denial, type Reason } from "./denial.ts";
import type { Identities } from "./identities.ts";
import { resourcePolicy } from "./resource-policies.ts";
import { type Need, type PassedRole, Place, type Rule } from "./rules.ts";
import { RULES } from "./table.ts";

/** Decides, before an operation runs, whether its principal may call it: denied unless a policy allows it. */
export class Authorizer {
  private readonly place: Place;
  private readonly identities: Identities;

  constructor(world: World, identities: Identities) {
    this.place = new Place(world);
    this.identities = identities;
  }

  /** Throws the service's own denial, or the service's refusal of a role that it cannot take. */
  check(request: AuthorizationRequest): void {
    const { service, operation, input, principal } = request;
    const rule = RULES[service]?.[operation];
    if (!rule) {
      const action = `${service}:${operation}`;
      const text = `the local AWS has no rule for this operation; add one to the table in lib/local/services/iam/authorization`;
      throw this.refused(request, { action, resource: undefined }, { kind: "local", text });
    }
    this.checkTrust(request);
    for (const need of this.needsOf(rule, request)) this.checkNeed(request, need);
    for (const passed of rule.passes?.(input, this.place) ?? []) this.checkPassed(request, passed, principal);
  }

  /** What the request needs. Where its input names nothing that could be, the service itself says what is wrong. */
  private needsOf(rule: Rule, { service, operation, input }: AuthorizationRequest): readonly Need[] {
    try {
      return rule.needs(input, this.place);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      return [{ action: `${SIGNING_PREFIX[service] ?? service}:${operation}`, resource: undefined }];
    }
  }

  private checkNeed(request: AuthorizationRequest, need: Need): void {
    const reason = this.reasonAgainst(request.principal, need, request.input);
    if (reason) throw this.refused(request, need, reason);
  }

  /** A service may only act in a role that trusts it. */
  private checkTrust(request: AuthorizationRequest): void {
    const { principal } = request;
    if (principal.assumedBy === undefined) return;
    const taker = this.place.world.servicePrincipal(principal.assumedBy, principal.sourceArn);
    const need = { action: "sts:AssumeRole", resource: principal.roleArn };
    const reason = this.reasonAgainst(taker, need, {});
    if (reason) throw this.refused({ ...request, principal: taker }, need, reason);
  }

  private checkPassed(
    request: AuthorizationRequest,
    { roleArn, service, sourceArn, refusal }: PassedRole,
    principal: Principal,
  ) {
    const keys = { "iam:passedtoservice": service };
    const pass: Need = { action: "iam:PassRole", resource: roleArn, keys };
    this.checkNeed({ ...request, principal }, pass);
    const taker = this.place.world.servicePrincipal(service, sourceArn);
    if (this.reasonAgainst(taker, { action: "sts:AssumeRole", resource: roleArn }, {})) throw refusal;
  }

  private reasonAgainst(principal: Principal, need: Need, input: AuthorizationRequest["input"]): Reason | undefined {
    try {
      return this.evaluate(principal, need, input);
    } catch (error) {
      if (!(error instanceof NotEvaluable)) throw error;
      return {
        kind: "local",
        text: `the local AWS cannot evaluate ${error.message} in a policy that concerns this request`,
      };
    }
  }

  private evaluate(principal: Principal, need: Need, input: AuthorizationRequest["input"]): Reason | undefined {
    // The keys that AWS keeps for its services let every principal of the account use them through the service, but no
    // other service (KMS developer guide, AWS managed keys, 2025).
    if (need.action.startsWith("kms:") && need.resource?.includes(":alias/aws/")) {
      return principal.kind === "service" ? { kind: "not-allowed", by: "resource-based policy" } : undefined;
    }
    const keys = contextKeys(this.place, this.identities, principal, need, input);
    const request: AccessRequest = { action: need.action, resource: need.resource, principal, keys };
    const identity = principal.kind === "service" ? "none" : this.evaluatePolicies(principal, request);
    if (identity === "deny") return { kind: "denied", in: "an identity-based policy" };
    // Lambda's own policies only ever allow.
    const policy =
      identity === "allow" && need.action.startsWith("lambda:")
        ? undefined
        : resourcePolicy(this.place, this.identities, need);
    const resource = policy ? evaluateResource(parsePolicy(policy.document), request) : "none";
    if (resource === "deny") return { kind: "denied", in: "a resource-based policy" };
    if (resource === "allow") return undefined;
    if (identity === "allow" && (!policy?.mustAllow || resource === "account")) {
      return this.withinBoundary(principal, request) ? undefined : { kind: "not-allowed", by: "permissions boundary" };
    }
    const resourceDecides = principal.kind === "service" || (policy?.mustAllow && resource === "none");
    return { kind: "not-allowed", by: resourceDecides ? "resource-based policy" : "identity-based policy" };
  }

  private evaluatePolicies(principal: Principal, request: AccessRequest) {
    const statements = this.identities.policiesOf(principal).flatMap((document) => parsePolicy(document));
    return evaluateIdentity(statements, request);
  }

  private withinBoundary(principal: Principal, request: AccessRequest): boolean {
    const boundary = this.identities.boundaryOf(principal);
    return boundary === undefined || evaluateIdentity(parsePolicy(boundary), request) === "allow";
  }

  private refused(request: AuthorizationRequest, need: Need, reason: Reason): AwsError {
    const { service, operation, principal } = request;
    const error = denial(service, principal, need, reason);
    this.place.world.announce("access-denied", {
      service,
      operation,
      principal: principal.arn,
      action: need.action,
      resource: need.resource,
      message: error.message,
    });
    return error;
  }
}

/** Prefixes of actions that differ from the service's name here. */
const SIGNING_PREFIX: Record<string, string> = {
  appconfigdata: "appconfig",
  "cloudwatch-logs": "logs",
  eventbridge: "events",
  sfn: "states",
};
