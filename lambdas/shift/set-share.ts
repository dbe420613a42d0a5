import { applicationName } from "../../lib/contract/names.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import type { Log } from "../../lib/core/log.ts";
import type { DeploymentsPort, FunctionsPort, LedgerPort } from "../../lib/core/ports.ts";
import { hasEnded, isUndo } from "../../lib/core/release/deployment.ts";
import { isPoison, parseShareEvent, type ShareEvent } from "../../lib/core/release/events.ts";
import { giveShare } from "../../lib/core/release/give-share.ts";
import { isOpened } from "../../lib/core/release/ledger-rules.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { waitsBefore } from "../../lib/core/release/staged.ts";
import type { ShiftPort } from "../../lib/core/release/watch-ports.ts";

export interface SetSharePorts {
  functions: Pick<FunctionsPort, "getAlias" | "moveAlias" | "splitAlias">;
  deployments: Pick<DeploymentsPort, "get" | "target">;
  ledger: Pick<LedgerPort, "getRelease">;
}

export type ShareAnswer = Awaited<ReturnType<ShiftPort["setShare"]>>;

/**
 * Gives the canary of a staged release a share of the traffic, or takes it away. Whoever calls can choose among the stages
 * of the frozen policy and nothing else, only for the alias of a deployment of ours that waits for its hook: from then on
 * CodeDeploy writes the alias. Throws `conflict` when others keep changing the alias.
 */
export function createSetShare({ functions, deployments, ledger }: SetSharePorts, environment: string, log: Log) {
  return async function setShare(event: unknown): Promise<ShareAnswer> {
    const wanted = parseShareEvent(event);
    if (isPoison(wanted)) throw new GoaroundError("defect", "defect", `not a share of traffic: ${wanted.why}`);
    const { deploymentId, percent } = wanted;
    const [deployment, target, release] = await Promise.all([
      deployments.get(deploymentId),
      deployments.target(deploymentId),
      ledger.getRelease(deploymentId),
    ]);
    if (deployment.application !== applicationName(environment) || isUndo(deployment.creator)) {
      return refuse(wanted, "it is no release of this guard");
    }
    if (hasEnded(deployment) || !waitsBefore(target)) return refuse(wanted, "CodeDeploy does not wait for its hook");
    if (!isOpened(release) || !release.staged) return refuse(wanted, "it is no staged release");
    // Whoever has stopped it has written its verdict; what comes late must not bring the canary back.
    if (percent > 0 && release.verdict) return refuse(wanted, `it has been judged: ${release.verdict.kind}`);
    const stages = release.policy.staged?.stages ?? [];
    if (percent > 0 && !stages.some((stage) => stage.percent === percent)) {
      return refuse(wanted, `its policy has no stage of ${percent} %`);
    }
    return write(wanted, release);
  };

  async function write(wanted: ShareEvent, release: ReleaseRecord): Promise<ShareAnswer> {
    const { functionName, alias, canaryVersion: version } = release;
    const answer = await giveShare({ functions }, release, wanted.percent, {
      onGiven: () => log.info("share of traffic", { ...wanted, functionName, alias, version }),
      onChanged: (read) => log.warn("the alias has changed meanwhile; reading it again", { functionName, alias, read }),
    });
    return answer.isSet ? answer : refuse(wanted, answer.why);
  }

  function refuse(wanted: ShareEvent, why: string): ShareAnswer {
    log.warn("no share of traffic is given", { ...wanted, why });
    return { isSet: false, why };
  }
}
