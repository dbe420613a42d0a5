import { fact } from "../../lib/core/judge/reason.ts";
import type { Reason, Verdict } from "../../lib/core/judge/types.ts";
import { factsOf, type Log } from "../../lib/core/log.ts";
import type { AlarmState, Clock, FunctionsPort, LedgerPort, MonitoringPort, PolicyPort } from "../../lib/core/ports.ts";
import { type Admission, admit } from "../../lib/core/release/admission.ts";
import { admitUnderOrders, applyOrders } from "../../lib/core/release/admission-environment.ts";
import { withOpened, withOutcome } from "../../lib/core/release/alias-history.ts";
import type { AppSpec } from "../../lib/core/release/appspec.ts";
import { boundedLedger, DECISION_LIMITS } from "../../lib/core/release/bounded-ledger.ts";
import { stepsOf, withDeclared, withSteps } from "../../lib/core/release/compatibility.ts";
import { isOpened, withKnownBad } from "../../lib/core/release/ledger-rules.ts";
import { runPlanSteps } from "../../lib/core/release/plan-steps.ts";
import type { AliasRecord, ReleaseRecord } from "../../lib/core/release/records.ts";
import { newRecord, ownAlarmNames, readPolicy, readVersion } from "../../lib/core/release/release-facts.ts";
import { type ReplayPorts, replayPast } from "../../lib/core/release/replay-past.ts";
import { fixSlowThresholds } from "../../lib/core/release/slow-thresholds.ts";
import { runSmokeTests } from "../../lib/core/release/smoke.ts";
import { requireAppSpec } from "../runtime/app-spec.ts";
import type { HandedOver, HookResult, HookRun } from "../runtime/hook.ts";
import { noting } from "../runtime/own-requests.ts";
import { joinGroup } from "./join-group.ts";
import { spreadNet, startWatch, type WatchStartPorts } from "./start-watch.ts";
import { countLog, type SubscribePorts } from "./subscribe.ts";

export interface PreTrafficPorts extends WatchStartPorts, SubscribePorts, Pick<ReplayPorts, "deadLetters"> {
  clock: Clock;
  functions: FunctionsPort;
  monitoring: Pick<MonitoringPort, "alarmStates" | "durationPercentiles" | "aliasCounts">;
  policies: PolicyPort;
  ledger: LedgerPort;
}

/**
 * Before any traffic: may this release begin, and does the new version work at all? Freezes versions and policy into the
 * release record. It sends no notification: a refusal fails the deployment, and the responder tells people once.
 */
export function createPreTraffic(unbounded: PreTrafficPorts, environment: string, log: Log) {
  const ports = { ...unbounded, ledger: boundedLedger(unbounded.ledger, unbounded.clock, DECISION_LIMITS) };
  return async function preTraffic(run: HookRun): Promise<HookResult | HandedOver> {
    const { deployment, deploymentId, signal } = run;
    const before = await ports.ledger.getRelease(deploymentId);
    if (before?.preTrafficStatus) {
      log.info("a repeated event gets the same answer", { deploymentId, status: before.preTrafficStatus });
      return { status: before.preTrafficStatus };
    }
    if (before?.staged) {
      log.info("a repeated event: the watch answers it", { deploymentId });
      return { status: "HandedOver" };
    }
    await spreadNet(ports, run, log);
    const appSpec = requireAppSpec(deployment);
    const facts = await gather(ports, environment, appSpec, signal, log);
    const { aliasRecord } = facts;
    const orders = { environment: facts.orders, functionName: appSpec.functionName, alias: appSpec.alias };
    const releaseGroup = facts.policy?.ok ? facts.policy.policy.releaseGroup : undefined;
    const standing = { ...orders, aliasRecord, releaseGroup, now: ports.clock.now() };
    const { now } = standing;
    const admission = admitUnderOrders(admit({ now, environment, deployment, appSpec, ...facts }), standing);
    const record = newRecord({
      deployment,
      appSpec,
      target: facts.target,
      policy: facts.policy,
      now: ports.clock.now(),
    });
    signal.throwIfAborted();
    if (!isOpened(before)) await ports.ledger.openRelease(record);
    await ports.ledger.changeAlias(appSpec.functionName, appSpec.alias, (known) => ({
      ...withOpened(known, record, admission.admitted ? facts.baseline : undefined),
      ...(admission.admitted ? withDeclared(known, record, facts.baseline) : {}),
    }));
    if (!admission.admitted) {
      const verdict: Verdict = { kind: "hold", reasons: refusalReasons(admission), findings: admission.findings };
      return block(ports, record, verdict, log);
    }
    const joined = await joinGroup(ports, record, (refusals) => applyOrders(refusals, standing));
    signal.throwIfAborted();
    if (joined.refusals.length > 0) {
      const verdict: Verdict = { kind: "hold", reasons: refusalReasons(joined), findings: admission.findings };
      return block(ports, record, verdict, log);
    }

    const failed = await runPlanSteps(ports, deploymentId, "before", { owner: run.requestId, signal });
    signal.throwIfAborted();
    if (failed) {
      const message = `the step ${failed.name} before the release ${failed.why ?? "failed"}`;
      return block(
        ports,
        record,
        { kind: "hold", reasons: [fact("step-failed", message)], findings: admission.findings },
        log,
      );
    }
    const ownRequests: string[] = [];
    const functions = noting(ports.functions, ownRequests);
    const failures = await runSmokeTests(record.policy.smokeTests, {
      functions,
      clock: ports.clock,
      functionName: appSpec.functionName,
      version: appSpec.targetVersion,
      signal,
    });
    signal.throwIfAborted();
    const smoked = applyOrders(failures.map(asRefusal), standing);
    const noted = [...admission.findings, ...joined.findings, ...smoked.findings];
    if (smoked.refusals.length > 0) {
      await markKnownBad(ports, record, failures);
      return block(ports, record, { kind: "rollback", reasons: failures, findings: noted }, log);
    }
    const versions = { candidate: appSpec.targetVersion, serving: appSpec.currentVersion };
    const { replay } = record.policy;
    const past = await replayPast({ ...ports, functions }, { environment, ...appSpec, versions, replay, signal }, log);
    const replayed = applyOrders(past.refusals, standing);
    noted.push(...past.findings, ...replayed.findings);
    if (replayed.refusals.length > 0) {
      return block(ports, record, { kind: "hold", reasons: refusalReasons(replayed), findings: noted }, log);
    }
    await noteSteps(ports, record, aliasRecord);
    signal.throwIfAborted();
    const slowThresholdsMs = await fixSlowThresholds(ports, appSpec, log);
    signal.throwIfAborted();
    const counted = [facts.baseline, facts.target];
    const counting = { environment, release: record, versions: counted, slowThresholdsMs, ownRequests };
    noted.push(...(await countLog(ports, counting, log)));
    signal.throwIfAborted();
    if (record.policy.staged) return handOver(ports, run, record, { slowThresholdsMs, noted }, log);
    const findings = [...noted, ...(await startWatch(ports, run, log))];
    signal.throwIfAborted();
    await ports.ledger.updateRelease(deploymentId, {
      preTrafficStatus: "Succeeded",
      slowThresholdsMs,
      ...(findings.length > 0 ? { admissionFindings: findings } : {}),
    });
    log.info("the release may begin", { deploymentId, findings: findings.map((finding) => finding.code) });
    return { status: "Succeeded" };
  };
}

/**
 * A staged release: the watch gives the canary its shares, and answers. Written down first, so that whoever looks after the
 * release knows whose answer is missing. Without a watch nobody would give a share: it may not begin.
 */
async function handOver(
  ports: PreTrafficPorts,
  run: HookRun,
  record: ReleaseRecord,
  { slowThresholdsMs, noted }: { slowThresholdsMs: number[]; noted: Reason[] },
  log: Log,
): Promise<HookResult | HandedOver> {
  await ports.ledger.updateRelease(run.deploymentId, {
    preTrafficHookId: run.executionId,
    staged: { handedOverAt: ports.clock.now().toISOString(), steps: [] },
    slowThresholdsMs,
    ...(noted.length > 0 ? { admissionFindings: noted } : {}),
  });
  const unwatched = await startWatch(ports, run, log);
  if (unwatched.length === 0) return { status: "HandedOver" };
  return block(ports, record, { kind: "hold", reasons: unwatched, findings: noted }, log);
}

async function gather(ports: PreTrafficPorts, environment: string, appSpec: AppSpec, signal: AbortSignal, log: Log) {
  const { functionName, alias: aliasName, currentVersion, targetVersion } = appSpec;
  const [alias, target, baseline, policy, aliasRecord, orders] = await Promise.all([
    ports.functions.getAlias(functionName, aliasName),
    readVersion(ports.functions, ports.clock, functionName, targetVersion, signal),
    ports.functions.getVersion(functionName, currentVersion),
    readPolicy(ports.policies, environment, appSpec),
    ports.ledger.getAlias(functionName, aliasName),
    ports.ledger.getEnvironment(),
  ]);
  const ownAlarms = ownAlarmNames(environment, appSpec);
  const alarmStates = await readAlarms(ports, [...(policy?.ok ? policy.policy.blockers : []), ...ownAlarms], log);
  return { alias, target, baseline, policy, aliasRecord, orders, ownAlarms, alarmStates };
}

/** Undefined when monitoring cannot be read: admission decides what that means. */
async function readAlarms(
  ports: PreTrafficPorts,
  names: string[],
  log: Log,
): Promise<Record<string, AlarmState> | undefined> {
  try {
    return await ports.monitoring.alarmStates(names);
  } catch (error) {
    log.warn("the states of alarms could not be read", factsOf(error));
    return undefined;
  }
}

async function block(
  ports: PreTrafficPorts,
  { deploymentId, functionName, alias }: ReleaseRecord,
  verdict: Verdict,
  log: Log,
): Promise<HookResult> {
  const ended = { outcome: "blocked" as const, closedAt: ports.clock.now().toISOString() };
  await ports.ledger.updateRelease(deploymentId, {
    preTrafficStatus: "Failed",
    ...ended,
    verdict,
    reason: verdict.reasons.map((reason) => reason.message).join("; "),
    actor: "pre-traffic",
  });
  await ports.ledger.changeAlias(functionName, alias, (known) => withOutcome(known, { deploymentId, ...ended }));
  log.warn("the release is refused", { deploymentId, reasons: verdict.reasons.map((reason) => reason.code) });
  return { status: "Failed" };
}

async function markKnownBad(ports: PreTrafficPorts, record: ReleaseRecord, failures: Reason[]): Promise<void> {
  const now = ports.clock.now();
  await ports.ledger.changeAlias(record.functionName, record.alias, (known) => ({
    knownBad: withKnownBad(known, record, failures[0]?.code ?? "smoke-failed", now),
  }));
}

/** Whoever rolls back later is told what does not come back with it. */
async function noteSteps(
  ports: PreTrafficPorts,
  record: ReleaseRecord,
  before: AliasRecord | undefined,
): Promise<void> {
  const stepsTaken = stepsOf(before, record);
  if (stepsTaken.length === 0) return;
  await ports.ledger.updateRelease(record.deploymentId, { stepsTaken });
  await ports.ledger.changeAlias(record.functionName, record.alias, (known) => withSteps(known, stepsTaken));
}

/** What a person may override, or have the guard only report, like anything else that speaks against the release. */
const asRefusal = ({ code, message }: Reason) => ({ code, message, advice: "" });

const refusalReasons = ({ refusals }: Pick<Admission, "refusals">): Reason[] =>
  refusals.map(({ code, message, advice }) => fact(code, `${message}. ${advice}`));
