import { GoaroundError } from "../../lib/core/errors.ts";
import { fact } from "../../lib/core/judge/reason.ts";
import type { Verdict } from "../../lib/core/judge/types.ts";
import { factsOf, type Log } from "../../lib/core/log.ts";
import type {
  Clock,
  DeploymentsPort,
  DeploymentTarget,
  FunctionsPort,
  LedgerPort,
  MonitoringPort,
  NotifierPort,
  PolicyPort,
} from "../../lib/core/ports.ts";
import { boundedLedger, DECISION_LIMITS } from "../../lib/core/release/bounded-ledger.ts";
import { ALIAS_NOT_SHIFTED } from "../../lib/core/release/conclusion.ts";
import { aliasPosition, appSpecOf } from "../../lib/core/release/deployment.ts";
import { isOpened } from "../../lib/core/release/ledger-rules.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { newRecord, readPolicy } from "../../lib/core/release/release-facts.ts";
import { type Shift, shiftOf } from "../../lib/core/release/shift.ts";
import { comparedTime } from "../../lib/core/release/staged.ts";
import type { ExecutionsPort } from "../../lib/core/release/watch-ports.ts";
import { closePromoted } from "../runtime/close-release.ts";
import { concludeRelease } from "../runtime/conclude-release.ts";
import type { HandedOver, HookResult, HookRun } from "../runtime/hook.ts";
import { evaluateShift } from "./evaluate.ts";

export interface PostTrafficPorts {
  clock: Clock;
  executions: Pick<ExecutionsPort, "status">;
  functions: Pick<FunctionsPort, "getAlias" | "getVersion">;
  deployments: Pick<DeploymentsPort, "target" | "routing">;
  monitoring: Pick<MonitoringPort, "versionCounts" | "minuteCounts" | "peakConcurrency" | "declaredMetrics">;
  policies: PolicyPort;
  ledger: LedgerPort;
  notifier: NotifierPort;
}

/**
 * After 100 %: is the alias really there? Then the watch goes on, bakes and answers; where there is none, was the canary
 * as good as the baseline while both served? A rollback verdict fails the deployment; the responder sees that, verifies the alias, switches flags off and tells people once.
 */
export function createPostTraffic(unbounded: PostTrafficPorts, environment: string, log: Log) {
  const ports = { ...unbounded, ledger: boundedLedger(unbounded.ledger, unbounded.clock, DECISION_LIMITS) };
  return async function postTraffic(run: HookRun): Promise<HookResult | HandedOver> {
    const { deploymentId, executionId, requestId, signal } = run;
    const before = await ports.ledger.getRelease(deploymentId);
    if (before?.postTrafficStatus) {
      log.info("a repeated event gets the same answer", { deploymentId, status: before.postTrafficStatus });
      return { status: before.postTrafficStatus };
    }
    const [target] = await Promise.all([
      ports.deployments.target(deploymentId),
      ports.ledger.updateRelease(deploymentId, { postTrafficHookId: executionId }),
    ]);
    const release = isOpened(before) ? before : await openLate(ports, environment, run, target, log);
    const shift = shiftOf(target);
    const displaced = await misplaced(ports, release, signal);
    const taken = displaced ? undefined : await handOver(ports, run, log);
    if (taken) return taken;
    const verdict = displaced ?? (await judgeShift(ports, run, release, shift, log));
    signal.throwIfAborted();
    const changes = await concludeRelease(ports, release, { verdict, shift, actor: "post-traffic" });
    log.info("concluded", { deploymentId, verdict: verdict.kind, status: changes.postTrafficStatus });
    if (changes.postTrafficStatus === "Failed") return { status: "Failed" };
    // A threshold may have been written meanwhile, and the responder may have switched flags off.
    const current = async () => ({ ...release, ...(await ports.ledger.getRelease(deploymentId)), ...changes });
    return {
      status: "Succeeded",
      afterReport: async () =>
        closePromoted(ports, environment, await current(), { owner: requestId, flagsFirst: true }, log),
    };
  };
}

/**
 * Leaves the answer to the watch if there is one. In this order: the watch may end at any moment, and from the hand-over
 * on its end is noticed (`report-failure`). Undefined: nobody is there, and this run judges by itself.
 */
async function handOver(
  { ledger, executions, clock }: PostTrafficPorts,
  { deploymentId, signal }: HookRun,
  log: Log,
): Promise<HookResult | HandedOver | undefined> {
  signal.throwIfAborted();
  await ledger.updateRelease(deploymentId, { handedOverAt: clock.now().toISOString() });
  try {
    const status = await executions.status(deploymentId);
    if (status === "RUNNING") return { status: "HandedOver" };
    log.warn("nobody watches this release", { deploymentId, watch: status });
  } catch (error) {
    log.error("whether somebody watches is not known", { deploymentId, ...factsOf(error) });
  }
  // A watch without bake may have answered and ended meanwhile.
  const decided = (await ledger.getRelease(deploymentId))?.postTrafficStatus;
  if (decided) return { status: decided };
  await ledger.updateRelease(deploymentId, { handedOverAt: undefined });
  return undefined;
}

/** A release that pre-traffic never saw is judged by the policy as it stands now. */
async function openLate(
  ports: PostTrafficPorts,
  environment: string,
  { deployment, deploymentId }: HookRun,
  deploymentTarget: DeploymentTarget | undefined,
  log: Log,
): Promise<ReleaseRecord> {
  log.warn("pre-traffic left no record of this release", { deploymentId });
  if (!deploymentTarget) {
    throw new GoaroundError("deployment-missing", "dependency", `${deploymentId} has neither record nor target`);
  }
  const appSpec = appSpecOf(deploymentTarget);
  const [policy, target] = await Promise.all([
    readPolicy(ports.policies, environment, appSpec),
    ports.functions.getVersion(appSpec.functionName, appSpec.targetVersion),
  ]);
  await ports.ledger.openRelease(newRecord({ deployment, appSpec, target, policy, now: ports.clock.now() }));
  return (await ports.ledger.getRelease(deploymentId))!;
}

async function judgeShift(
  ports: PostTrafficPorts,
  run: HookRun,
  release: ReleaseRecord,
  shift: Shift | undefined,
  log: Log,
): Promise<Verdict> {
  const configuration = run.deployment.configuration;
  const routing = configuration === undefined ? undefined : await readRouting(ports, configuration, log);
  const whole: Shift = shift ?? { startedAt: new Date(release.openedAt), endedAt: ports.clock.now() };
  const { at: deadline, signal } = run;
  const compared = comparedTime(release, { shift: whole, routing });
  return evaluateShift(ports, { release, ...compared, shift: compared.shift ?? whole, deadline, signal }, log);
}

async function readRouting(ports: PostTrafficPorts, configuration: string, log: Log) {
  try {
    return await ports.deployments.routing(configuration);
  } catch (error) {
    log.warn("the deployment configuration could not be read; shares of traffic are not judged", factsOf(error));
    return undefined;
  }
}

/** CodeDeploy calls this hook when it has moved the alias; reading may lag behind for a moment. Milliseconds. */
const SETTLE_LIMIT_MS = 30_000;
const SETTLE_POLL_MS = 5000;

/** A verdict when the alias is not at 100 % on the canary, else undefined. */
async function misplaced(
  ports: PostTrafficPorts,
  release: ReleaseRecord,
  signal: AbortSignal,
): Promise<Verdict | undefined> {
  const versions = { baseline: release.baselineVersion, canary: release.canaryVersion };
  for (let waitedMs = 0; ; waitedMs += SETTLE_POLL_MS) {
    const alias = await ports.functions.getAlias(release.functionName, release.alias);
    const position = aliasPosition(alias, versions);
    // While Lambda moves provisioned concurrency it keeps a weight itself: CodeDeploy has done its part.
    if (position === "on-canary" || position === "settling") return undefined;
    if (waitedMs >= SETTLE_LIMIT_MS) return aliasVerdict(release, alias);
    await ports.clock.sleep(SETTLE_POLL_MS, signal);
  }
}

/** Not the version's fault: it stays out of the known-bad list. */
function aliasVerdict(
  release: ReleaseRecord,
  alias: { functionVersion: string; weights: Record<string, number> },
): Verdict {
  const weights = Object.keys(alias.weights).length > 0 ? ` with weights ${JSON.stringify(alias.weights)}` : "";
  return {
    kind: "inconclusive",
    reasons: [
      fact(
        ALIAS_NOT_SHIFTED,
        `alias ${release.functionName}:${release.alias} is at version ${alias.functionVersion}${weights}, not at 100 % on version ${release.canaryVersion}`,
      ),
    ],
    findings: [],
  };
}
