import { GoaroundError } from "../../lib/core/errors.ts";
import { fact } from "../../lib/core/judge/reason.ts";
import type { Reason, Verdict } from "../../lib/core/judge/types.ts";
import type { Log } from "../../lib/core/log.ts";
import type { Clock, DeploymentsPort, LedgerPort } from "../../lib/core/ports.ts";
import { disarmedBy } from "../../lib/core/release/environment-record.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { withShare } from "../../lib/core/release/staged.ts";
import type { ShiftPort } from "../../lib/core/release/watch-ports.ts";

export interface StagesPorts {
  clock: Clock;
  deployments: Pick<DeploymentsPort, "reportHook">;
  ledger: Pick<LedgerPort, "getEnvironment" | "updateRelease">;
  shift: ShiftPort;
}

interface Answer {
  status: "Succeeded" | "Failed";
  verdict: Verdict;
  undecided?: Reason;
}

/** The next stage of a staged release. Answers what the record is to know of it; undefined when the release is refused its share. */
export async function nextStage(
  ports: StagesPorts,
  release: ReleaseRecord,
  percent: number,
  log: Log,
): Promise<Partial<ReleaseRecord> | undefined> {
  const { deploymentId, staged } = release;
  const given = await ports.shift.setShare(deploymentId, percent);
  if (!given.isSet) {
    await answerStaged(ports, release, { status: "Failed", verdict: refused(given.why) }, log);
    return undefined;
  }
  log.info("a stage begins", { deploymentId, percent });
  return { staged: withShare(staged!, percent, ports.clock.now()) };
}

/**
 * Answers BeforeAllowTraffic for a staged release: first the canary's share goes, because CodeDeploy refuses an alias with
 * weights; then the decision is written down; then CodeDeploy is told. A turn that comes after one that died does it again.
 */
export async function answerStaged(
  ports: StagesPorts,
  release: ReleaseRecord,
  answer: Answer,
  log: Log,
): Promise<void> {
  const { deployments, ledger, shift, clock } = ports;
  const { deploymentId, preTrafficHookId, staged } = release;
  const cleared = await shift.setShare(deploymentId, 0);
  if (!cleared.isSet) log.warn("the share could not be taken away", { deploymentId, why: cleared.why });
  const { status, verdict, undecided } = cleared.isSet
    ? await underOrders(ports, release, answer)
    : failed(answer, cleared.why);
  await ledger.updateRelease(deploymentId, {
    preTrafficStatus: status,
    staged: { clearedAt: clock.now().toISOString(), ...staged!, ...(undecided ? { undecided } : {}) },
    ...(status === "Failed" && release.preTrafficStatus === undefined
      ? { verdict, reason: verdict.reasons.map(({ message }) => message).join("; "), actor: "watch" }
      : {}),
  });
  if (preTrafficHookId === undefined) {
    throw new GoaroundError("defect", "defect", `the record of ${deploymentId} does not name its hook`);
  }
  const reply = await deployments.reportHook({ deploymentId, executionId: preTrafficHookId, status });
  log.info("the stages are over", { deploymentId, status, reply, verdict: verdict.kind });
}

/** While the guard is disarmed it fails nothing that is only judged. */
async function underOrders({ ledger, clock }: StagesPorts, release: ReleaseRecord, answer: Answer): Promise<Answer> {
  if (answer.status === "Succeeded" || release.preTrafficStatus) return answer;
  const order = disarmedBy(await ledger.getEnvironment(), release.functionName, clock.now());
  return order ? { ...answer, status: "Succeeded" } : answer;
}

const failed = ({ status, verdict }: Answer, why: string): Answer =>
  status === "Failed" ? { status, verdict } : { status: "Failed", verdict: refused(why) };

const refused = (why: string): Verdict => ({
  kind: "hold",
  reasons: [fact("share-refused", `the share of traffic could not be set: ${why}`)],
  findings: [],
});
