import { applicationName } from "../../lib/contract/names.ts";
import type { Verdict } from "../../lib/core/judge/types.ts";
import { hasEnded, isUndo } from "../../lib/core/release/deployment.ts";
import { disarmedBy, type EnvironmentRecord, heldWords } from "../../lib/core/release/environment-record.ts";
import type { VerdictEvent } from "../../lib/core/release/events.ts";
import { isOpened } from "../../lib/core/release/ledger-rules.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { rememberBad, tell } from "./books.ts";
import { clearShare, clearWeights } from "./clear-weights.ts";
import { killOnce, killOrAwait } from "./flags-off.ts";
import { groupBack } from "./group.ts";
import { putBack } from "./guard-time.ts";
import { bestEffort, booksOpen, once, type Response } from "./responder.ts";
import { readOrders } from "./standing.ts";

/** The watch has judged the canary worse while traffic is split. */
export async function onVerdict(response: Response, { deploymentId, verdict }: VerdictEvent): Promise<void> {
  const { ports, log, environment } = response;
  // Traffic waits for it: what can be read at once is.
  const orders = readOrders(response);
  const [deployment, record] = await Promise.all([
    ports.deployments.get(deploymentId),
    readRecord(response, deploymentId),
  ]);
  const ours = deployment.application === applicationName(environment) && !isUndo(deployment.creator);
  if (!ours || hasEnded(deployment)) {
    log.info("nothing to stop", { deploymentId, application: deployment.application, status: deployment.status });
    if (ours && deployment.status !== "Succeeded") await recordLate(response, deploymentId, verdict);
    return;
  }
  const why = `release ${deploymentId} is worse than its baseline`;
  await stopRelease(response, deploymentId, record, { verdict, why }, orders);
}

/** Undefined also when the ledger does not answer. */
async function readRecord(response: Response, deploymentId: string): Promise<ReleaseRecord | undefined> {
  let record: ReleaseRecord | undefined;
  await bestEffort(response, "reading the release", async () => {
    const found = await response.ports.ledger.getRelease(deploymentId);
    record = isOpened(found) ? found : undefined;
  });
  return record;
}

/** The release has ended without the verdict in its record: whoever was to write it was cut off, or the ledger was. */
async function recordLate(response: Response, deploymentId: string, verdict: Verdict): Promise<void> {
  const release = await response.ports.ledger.getRelease(deploymentId);
  if (!isOpened(release) || release.verdict?.kind === "rollback") return;
  const isWritten = await rememberBad(response, release, verdict.reasons[0]!.code);
  if (!isWritten || !(await recordVerdict(response, deploymentId, verdict))) throw booksOpen(deploymentId);
}

/** Both levers at once: neither waits for the other, nor for the books. */
export async function stopRelease(
  response: Response,
  deploymentId: string,
  record: ReleaseRecord | undefined,
  { verdict, why }: { verdict: Verdict; why: string },
  orders: Promise<EnvironmentRecord> = readOrders(response),
): Promise<void> {
  const disarmed = record && disarmedBy(await orders, record.functionName, response.ports.clock.now());
  if (record && (disarmed || !record.policy.automaticRollback)) {
    const why = heldWords(disarmed);
    const trouble = `the canary is bad and ${why}`;
    await tell(response, "notify-alarm", {
      release: record,
      outcome: "open",
      severity: "critical",
      reasons: verdict.reasons,
      findings: verdict.findings,
      trouble,
    });
    return;
  }
  await once(response, deploymentId, "stop", () => stop(response, deploymentId, record, { verdict, why }));
}

async function stop(
  response: Response,
  deploymentId: string,
  record: ReleaseRecord | undefined,
  { verdict, why }: { verdict: Verdict; why: string },
): Promise<void> {
  const { ports, log } = response;
  // A command drives it: there is no deployment to stop, and the alias is ours to move.
  if (record?.attended) {
    await recordVerdict(response, deploymentId, verdict);
    await putBack(response, { ...record, verdict }, verdict.reasons, killOrAwait(response, record, why));
    return;
  }
  const stopping = (record ? clearShare(response, record) : Promise.resolve()).then(() =>
    ports.deployments.stopWithRollback(deploymentId),
  );
  const others = stopping.then(
    () => record && groupBack(response, record, verdict.reasons[0]!.message),
    () => undefined,
  );
  const [stopped, noted, flags] = await Promise.allSettled([
    record ? clearWeights(response, record, stopping) : stopping,
    recordVerdict(response, deploymentId, verdict),
    record ? killOnce(response, record, why) : undefined,
  ]);
  // Its end comes as an event of its own, and the alias is verified then.
  if (stopped.status === "rejected") throw stopped.reason;
  log.info("stopped", { deploymentId, answer: await stopping, flags: flags.status });
  const left = await others;
  if (left) throw left;
  if (noted.status === "rejected" || !noted.value) throw booksOpen(deploymentId);
}

/** Without the verdict a version that was stopped is not known bad. False when it could not be written. */
export const recordVerdict = (response: Response, deploymentId: string, verdict: Verdict) =>
  bestEffort(response, "recording the verdict", () =>
    response.ports.ledger.updateRelease(deploymentId, {
      verdict,
      reason: verdict.reasons[0]!.message,
      actor: "respond",
    }),
  );
