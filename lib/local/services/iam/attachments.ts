import { AwsError } from "../../kernel/errors.ts";
import { checkIdentityPolicy, encodePolicy, noSuchEntity } from "./policies.ts";

/** Policies of one user or role: its own by name, and managed ones by ARN. */
export interface Policies {
  inline: Map<string, string>;
  attached: Set<string>;
}

interface PolicyInput {
  PolicyName?: string;
  PolicyDocument?: string;
  PolicyArn?: string;
}

/** The operations that roles and users share, for one of them. */
export function policyChanges(kind: "role" | "user", policyExists: (arn: string) => boolean) {
  const missing = (name: string) => noSuchEntity(`The ${kind} policy with name ${name} cannot be found.`);
  return {
    put({ inline }: Policies, { PolicyName = "", PolicyDocument = "" }: PolicyInput): void {
      checkIdentityPolicy(PolicyDocument);
      inline.set(PolicyName, PolicyDocument);
    },
    get({ inline }: Policies, { PolicyName = "" }: PolicyInput): { PolicyName: string; PolicyDocument: string } {
      const document = inline.get(PolicyName);
      if (document === undefined) throw missing(PolicyName);
      return { PolicyName, PolicyDocument: encodePolicy(document) };
    },
    delete({ inline }: Policies, { PolicyName = "" }: PolicyInput): void {
      if (!inline.delete(PolicyName)) throw missing(PolicyName);
    },
    list: ({ inline }: Policies) => ({ PolicyNames: [...inline.keys()], IsTruncated: false }),
    attach({ attached }: Policies, { PolicyArn = "" }: PolicyInput): void {
      if (!PolicyArn.startsWith("arn:")) throw new AwsError("ValidationError", `ARN ${PolicyArn} is not valid.`);
      if (!policyExists(PolicyArn)) throw noSuchEntity(`Policy ${PolicyArn} does not exist or is not attachable.`);
      attached.add(PolicyArn);
    },
    detach({ attached }: Policies, { PolicyArn = "" }: PolicyInput): void {
      if (!attached.delete(PolicyArn)) throw noSuchEntity(`Policy ${PolicyArn} was not found.`);
    },
    attachments: ({ attached }: Policies) => ({
      AttachedPolicies: [...attached].map((PolicyArn) => ({ PolicyArn, PolicyName: PolicyArn.split("/").at(-1) })),
      IsTruncated: false,
    }),
  };
}
