import type { Principal } from "../../../kernel/service.ts";

/** What the evaluation asks IAM about who makes a request. */
export interface Identities {
  /** `AIDA…` for users, `AROA…:session` for assumed roles. */
  uniqueId(principal: Principal): string;
  /** Documents of all policies of a user or role. Throws NotEvaluable when one of them is not known. */
  policiesOf(principal: Principal): readonly string[];
  /** The document that limits what the policies can allow; undefined where there is no limit. */
  boundaryOf(principal: Principal): string | undefined;
  tagsOf(principal: Principal): Record<string, string>;
  roleTags(roleArn: string): Record<string, string>;
  /** Undefined when there is no such role. */
  trustPolicyOf(roleArn: string): string | undefined;
}
