import { messageOf } from "../../lib/core/log.ts";
import { stepsNotification } from "../../lib/core/release/plan-step-messages.ts";
import { compensateRelease, leftWithSteps, runPlanSteps } from "../../lib/core/release/plan-steps.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { tellOnce } from "../runtime/tell-once.ts";
import { bestEffort, type Response } from "./responder.ts";

type Where = Pick<ReleaseRecord, "functionName" | "alias">;

/**
 * Traffic and flags are where they belong: the steps of the releases that were left are taken back. Never throws: what a
 * compensation does not do, people are told, and it holds up nothing.
 */
export async function takeStepsBack(
  response: Response,
  { functionName, alias }: Where,
  target: string,
  ended?: string,
): Promise<void> {
  const { ports, requestId: owner, signal, log } = response;
  await bestEffort(response, "taking the steps of a release back", async () => {
    const record = await ports.ledger.getAlias(functionName, alias);
    for (const deploymentId of leftWithSteps(record, target, ended)) {
      let trouble: string | undefined;
      try {
        const back = await compensateRelease(ports, deploymentId, { owner, signal });
        if (back) log.info("steps were taken back", { ...back });
        trouble = back?.trouble;
      } catch (error) {
        // Lambda's retry goes on where time ran out.
        signal.throwIfAborted();
        trouble = `how far they are taken back is not known: ${messageOf(error)}`;
      }
      if (trouble) await tell(response, { functionName, alias, deploymentId }, "back", trouble);
    }
  });
}

/** The release is there to stay: the steps that wait for that. One that fails changes nothing of it; people are told. */
export async function runStepsAfter(response: Response, { deploymentId, ...where }: Where & { deploymentId: string }) {
  const { ports, requestId: owner, signal } = response;
  await bestEffort(response, "the steps after the release", async () => {
    let trouble: string | undefined;
    try {
      const failed = await runPlanSteps(ports, deploymentId, "after", { owner, signal });
      trouble = failed && `the step ${failed.name} ${failed.why ?? "failed"}, and none behind it was run`;
    } catch (error) {
      trouble = `how a step ended is not known: ${messageOf(error)}`;
    }
    if (trouble) await tell(response, { ...where, deploymentId }, "after", trouble);
  });
}

async function tell(
  { ports, environment, requestId: owner, log }: Response,
  release: Where & { deploymentId: string },
  phase: "after" | "back",
  trouble: string,
): Promise<void> {
  const notification = stepsNotification({ environment, release, phase, trouble });
  await tellOnce(
    ports,
    { deploymentId: release.deploymentId, claim: `notify-steps-${phase}`, owner },
    notification,
    log,
  );
}
