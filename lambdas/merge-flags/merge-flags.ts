import { GoaroundError } from "../../lib/core/errors.ts";
import { factsOf, type Log } from "../../lib/core/log.ts";
import type { Clock, FlagsPort, FlagTarget, LedgerPort } from "../../lib/core/ports.ts";
import { flagsFrozen } from "../../lib/core/release/admission-environment.ts";
import { type FlagMerge, mergeFlags } from "../../lib/core/release/flag-merge.ts";
import { describeKilled, killedIn } from "../../lib/core/release/killed-flags.ts";
import type { RunContext } from "../runtime/context.ts";

export interface MergeFlagsPorts {
  flags: Pick<FlagsPort, "deployed" | "createVersion">;
  ledger: Pick<LedgerPort, "getEnvironment">;
  /** Deletes every hosted version, so that CloudFormation can delete the profile. */
  deleteVersions(target: FlagTarget): Promise<void>;
  /** Answers CloudFormation. */
  answer(responseUrl: string, body: CustomResourceAnswer): Promise<void>;
  clock: Pick<Clock, "now">;
  log: Log;
}

/** CloudFormation user guide, "Custom resource request objects" and "… response objects", 2025. */
export interface CustomResourceRequest {
  RequestType: "Create" | "Update" | "Delete";
  ResponseURL: string;
  StackId: string;
  RequestId: string;
  LogicalResourceId: string;
  ResourceProperties: FlagProperties;
  OldResourceProperties?: Partial<FlagProperties>;
}

interface FlagProperties {
  ApplicationId: string;
  EnvironmentId: string;
  ProfileId: string;
  /** The document that the code defines, as JSON. */
  Definitions: string;
}

export interface CustomResourceAnswer {
  Status: "SUCCESS" | "FAILED";
  Reason: string;
  PhysicalResourceId: string;
  StackId: string;
  RequestId: string;
  LogicalResourceId: string;
  Data?: Record<string, string>;
}

/**
 * Makes the version of the flags that a deploy brings: definitions from code, values from run time, killed flags off. Every
 * request is answered once, because CloudFormation otherwise waits for an hour. A ledger that cannot be read fails the
 * deploy, and so does a freeze of flags that differ: what is live stays, and nothing that was killed can come back.
 */
export function createMergeFlags(ports: MergeFlagsPorts) {
  return async function mergeFlagsOnDeploy(event: CustomResourceRequest, _context: RunContext): Promise<void> {
    const { StackId, RequestId, LogicalResourceId, ResourceProperties } = event;
    const PhysicalResourceId = `flags-${ResourceProperties.ProfileId}`;
    const about = { PhysicalResourceId, StackId, RequestId, LogicalResourceId };
    let answer: CustomResourceAnswer;
    try {
      const Data = await handle(ports, event);
      answer = { ...about, Status: "SUCCESS", Reason: Data.Message ?? "", Data };
    } catch (error) {
      ports.log.error("the flags could not be merged", factsOf(error));
      answer = { ...about, Status: "FAILED", Reason: String((error as Error).message).slice(0, 1000) };
    }
    await ports.answer(event.ResponseURL, answer);
  };
}

async function handle(ports: MergeFlagsPorts, event: CustomResourceRequest): Promise<Record<string, string>> {
  const { ApplicationId: applicationId, EnvironmentId: environmentId, ProfileId: profileId } = event.ResourceProperties;
  const target = { applicationId, environmentId, profileId };
  if (event.RequestType === "Delete") {
    await ports.deleteVersions(target);
    return {};
  }
  const [deployed, record] = await Promise.all([ports.flags.deployed(target), ports.ledger.getEnvironment()]);
  const killed = killedIn(record, target);
  const before = event.OldResourceProperties?.Definitions;
  const merge = mergeFlags({
    code: parse(event.ResourceProperties.Definitions),
    before: before === undefined ? undefined : parse(before),
    live: deployed?.document,
    killed: killed.map(({ flag }) => flag),
  });
  const held = killed.filter(({ flag }) => merge.heldOff.includes(flag));
  const Message = [summary(merge), ...held.map(describeKilled)].join(". ");
  ports.log.info("flags merged", { ...target, added: merge.added, removed: merge.removed, heldOff: merge.heldOff });
  if (deployed && !merge.differs) return { Version: String(deployed.version), Message };
  const frozen = deployed && flagsFrozen(record, ports.clock.now());
  if (frozen) throw new GoaroundError("refused", "operator", `${frozen.message}. ${frozen.advice}`);
  const version = await ports.flags.createVersion(
    target,
    merge.document,
    "Definitions from code, values from run time",
  );
  return { Version: String(version), Message };
}

function summary({ added, removed, keptOn, heldOff }: FlagMerge): string {
  const parts = [
    added.length > 0 ? `new: ${added.join(", ")}` : "",
    removed.length > 0 ? `gone: ${removed.join(", ")}` : "",
    `stays on: ${keptOn.join(", ") || "none"}`,
    heldOff.length > 0 ? `killed, stays off: ${heldOff.join(", ")}` : "",
  ];
  return parts.filter(Boolean).join("; ");
}

const parse = (text: string) => JSON.parse(text) as Record<string, unknown>;
