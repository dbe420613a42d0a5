import { PutParameterCommand, paginateGetParameterHistory, SSMClient } from "@aws-sdk/client-ssm";
import { policyParameterName } from "../contract/names.ts";
import type { PolicyHistoryPort, PolicyVersion } from "../core/operator-ports.ts";
import { calling, isNotFound, toGoaroundError } from "./errors.ts";
import { type AdapterOptions, connect, lazy } from "./options.ts";

/** Parameter Store: a standard parameter holds 4 KB (Systems Manager quotas, 2025). */
const STANDARD_TIER_BYTES = 4096;

/** What Parameter Store keeps of policies. No Lambda of the guard imports this file. */
export function createPolicyHistory(options: AdapterOptions = {}): PolicyHistoryPort {
  const client = lazy(() => connect(SSMClient, options));
  const http = { abortSignal: options.signal };

  return {
    async versions(environment, functionName, alias) {
      const Name = policyParameterName(environment, functionName, alias);
      const input = { Name, WithDecryption: true };
      const found: PolicyVersion[] = [];
      try {
        for await (const page of paginateGetParameterHistory({ client: client() }, input, http)) {
          for (const one of page.Parameters ?? []) {
            found.push({
              version: one.Version ?? 0,
              document: one.Value ?? "",
              at: one.LastModifiedDate,
              by: one.LastModifiedUser,
              description: one.Description,
              tier: one.Tier,
            });
          }
        }
      } catch (error) {
        if (isNotFound(error)) return [];
        throw toGoaroundError(error, { operation: "ssm GetParameterHistory", subject: Name });
      }
      return found.sort((a, b) => b.version - a.version);
    },

    async write({ environment, functionName, alias, document, description, over }) {
      const Name = policyParameterName(environment, functionName, alias);
      const isLarge = Buffer.byteLength(document) > STANDARD_TIER_BYTES;
      // Named, because what is left out is the account's default; an advanced parameter never becomes a standard one again
      // (user guide, "Managing parameter tiers", 2025). Without a type nothing is created where nothing is.
      const Tier = isLarge || over.tier === "Advanced" ? "Advanced" : "Standard";
      const input = { Name, Value: document, Description: description, Tier, Overwrite: true } as const;
      const { Version = 0 } = await calling(
        { operation: "ssm PutParameter", subject: Name },
        client().send(new PutParameterCommand(input), http),
      );
      return Version;
    },
  };
}
