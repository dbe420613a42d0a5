import { secretsOf } from "../../../lib/contract/declared-metrics.ts";
import { type ShiftStep, shiftSteps } from "../../../lib/contract/detectability.ts";
import { applicationName, deploymentGroupName, notificationTopicName } from "../../../lib/contract/names.ts";
import { type ParsedPolicy, type Policy, parsePolicy } from "../../../lib/contract/policy.ts";
import type { SideCounts } from "../../../lib/core/judge/types.ts";
import { type Admission, admit, type Refusal } from "../../../lib/core/release/admission.ts";
import { admitUnderOrders } from "../../../lib/core/release/admission-environment.ts";
import { type DoctorFacts, diagnose } from "../../../lib/core/release/doctor.ts";
import { disarmedBy, type EnvironmentRecord, isInForce } from "../../../lib/core/release/environment-record.ts";
import type { Finding } from "../../../lib/core/release/findings.ts";
import type { OperatorFacts, ReadinessFacts } from "../../../lib/core/release/readiness-facts.ts";
import { ownAlarmNames } from "../../../lib/core/release/release-facts.ts";
import { planRollback, type RollbackPlan } from "../../../lib/core/release/rollback-plan.ts";
import { forecastLog } from "../../../lib/core/signals/outlook.ts";
import type { Session } from "../session.ts";
import { lookAt } from "./doctor-look.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** What a deployment would publish, unless it changes the code first. */
const NEXT = "$LATEST";

export interface ReadyLook {
  seen: DoctorFacts;
  findings: Finding[];
  admission: Admission;
  /** Undefined: without a valid policy nothing is assessed. */
  readiness: ReadinessFacts | undefined;
  /** Where a rollback goes if the version that serves is bad. */
  wayBack: RollbackPlan | { why: string };
}

/** Everything that is known before a release; reads only. What cannot be read is warned about and left out. */
export async function lookBeforeRelease(session: Session, functionName: string, alias: string): Promise<ReadyLook> {
  const { ports, environment } = session;
  const seen = await lookAt(session, functionName, alias);
  const findings = diagnose(seen);
  const { document } = seen.policy;
  const parsed = document === undefined ? undefined : parsePolicy(document);
  const policy = parsed?.ok ? parsed.policy : undefined;
  const ownAlarms = ownAlarmNames(environment, { functionName, alias });
  const orders = await session.attempt("what people have ordered could not be read", ports.ledger.getEnvironment());
  const alarmStates = await session.attempt(
    "the states of alarms could not be read",
    ports.monitoring.alarmStates([...(policy?.blockers ?? []), ...ownAlarms]),
  );
  // A list of versions does not tell their states.
  const baseline = await session.attempt(
    `version ${seen.alias.functionVersion} could not be read`,
    ports.functions.getVersion(functionName, seen.alias.functionVersion),
  );
  const wayBack = wayBackOf(seen);
  const admission = await admitNext(session, seen, { parsed, orders, alarmStates, ownAlarms, baseline });
  const broken = findings.filter(({ severity }) => severity === "broken").map(({ code }) => code);
  const readiness: ReadinessFacts | undefined = policy && {
    now: seen.now,
    policy,
    record: seen.record,
    baseline,
    ownAlarms,
    alarmStates,
    beyond: {
      ...(await readBeyond(session, seen, policy)),
      brokenGlass: orders && glassBroken(orders, functionName, seen.now),
      disarmed: orders && (disarmedBy(orders, functionName, seen.now)?.reason ?? (false as const)),
      wayBack: "why" in wayBack ? wayBack : { version: wayBack.target.version },
      broken,
    },
  };
  return { seen, findings, admission, readiness, wayBack };
}

interface NextFacts {
  parsed: ParsedPolicy | undefined;
  orders: EnvironmentRecord | undefined;
  alarmStates: ReadinessFacts["alarmStates"];
  ownAlarms: readonly string[];
  baseline: ReadinessFacts["baseline"];
}

/** What the hook would decide of a release that begins now, and what would keep it from beginning at all. */
async function admitNext(session: Session, seen: DoctorFacts, next: NextFacts): Promise<Admission> {
  const { environment } = session;
  const { functionName, alias } = seen.alias;
  const { parsed, orders, alarmStates, ownAlarms, baseline } = next;
  const target = await session.attempt(
    `the configuration of ${functionName} could not be read`,
    session.ports.functions.getVersion(functionName, NEXT),
  );
  const admission = admit({
    now: seen.now,
    environment,
    deployment: seen.where ?? { application: applicationName(environment), group: deploymentGroupName(functionName) },
    // A deployment of the stack begins where the stack takes the alias to be.
    appSpec: {
      functionName,
      alias,
      currentVersion: seen.stack?.recordedVersion ?? seen.alias.functionVersion,
      targetVersion: NEXT,
      hooks: {},
    },
    alias: seen.alias,
    target,
    baseline,
    policy: parsed,
    alarmStates: alarmStates && { ...alarmStates },
    ownAlarms,
    aliasRecord: seen.record,
  });
  // Whatever is released next is not what lies there now: that it is bad is no refusal yet.
  const badNow = admission.refusals.filter(({ code }) => code === "known-bad");
  const refusals = [...obstacles(seen), ...admission.refusals.filter(({ code }) => code !== "known-bad")];
  const findings = [...admission.findings, ...badNow.map(({ code, message }) => ({ ...NO_FIGURES, code, message }))];
  const found = { admitted: refusals.length === 0, refusals, findings };
  if (!orders) return { ...found, admitted: false, refusals: [...refusals, LEDGER_SILENT] };
  const releaseGroup = parsed?.ok ? parsed.policy.releaseGroup : undefined;
  const standing = { functionName, alias, environment: orders, aliasRecord: seen.record, releaseGroup, now: seen.now };
  return admitUnderOrders(found, standing);
}

const NO_FIGURES = { observed: null, limit: null, baseline: null, samples: 0 };

const LEDGER_SILENT: Refusal = {
  code: "ledger-silent",
  message: "the ledger does not answer, and the hook refuses what it cannot write down",
  advice: "Look at the ledger table in DynamoDB and at the AWS Health Dashboard.",
};

function obstacles({ open, attended, where, alias }: DoctorFacts): Refusal[] {
  const found: Refusal[] = [];
  if (open) {
    const { deploymentId } = open.deployment;
    found.push({
      code: "release-open",
      message: `deployment ${deploymentId} holds the alias`,
      advice: `Follow it: goaround deploy --action follow --deployment-id ${deploymentId}`,
    });
  }
  if (attended) {
    found.push({
      code: "release-open",
      message: `staged release ${attended.deploymentId} holds the alias`,
      advice: `Let it end, or take it back: goaround rollback --action rollback-function --function-name ${alias.functionName} --alias ${alias.alias}`,
    });
  }
  if (!where) {
    found.push({
      code: "group-missing",
      message: `${alias.functionName} has no deployment group`,
      advice: "Deploy the stack of its GuardedFunction.",
    });
  }
  return found;
}

function wayBackOf({ alias, versions, record, releases }: DoctorFacts): ReadyLook["wayBack"] {
  try {
    const plan = planRollback({ alias, versions, record, release: releases[0], requested: undefined, force: false });
    return plan.action === "move"
      ? plan
      : { why: `version ${plan.target.version} is ${plan.source} and serves already` };
  } catch (error) {
    return { why: (error as Error).message };
  }
}

const glassBroken = ({ breakGlass }: EnvironmentRecord, functionName: string, now: Date) =>
  breakGlass.filter((order) => isInForce(order, now) && [undefined, functionName].includes(order.functionName)).length;

type Beyond = Omit<OperatorFacts, "brokenGlass" | "disarmed" | "wayBack" | "broken">;

async function readBeyond(session: Session, seen: DoctorFacts, policy: Policy): Promise<Beyond> {
  const { discovery, monitoring } = session.ports;
  const { functionName, alias } = seen.alias;
  const minute = Math.floor(seen.now.getTime() / MINUTE_MS) * MINUTE_MS;
  const lastHour = { from: new Date(minute - HOUR_MS), to: new Date(minute) };
  const described = await session.attempt(
    "the function's tags could not be read",
    discovery.describeFunction(functionName),
  );
  const traffic: SideCounts | undefined = await session.attempt(
    "CloudWatch's metrics could not be read",
    monitoring.aliasCounts({ functionName, alias, ...lastHour }),
  );
  const topic = notificationTopicName(session.environment);
  return {
    tags: described?.tags,
    alarmActions: Object.keys(seen.alarmActions).length > 0 ? seen.alarmActions : undefined,
    logObstacles:
      seen.log &&
      forecastLog(seen.log)
        .filter(({ code }) => code === "log-not-counted")
        .map(({ message }) => message),
    subscribers: await session.attempt(
      `whether anybody is subscribed to ${topic} could not be read`,
      discovery.subscribers(topic),
    ),
    secretsMissing: await missingSecrets(session, policy),
    traffic,
    shift: await session.attempt("how traffic moves could not be read", shiftOf(session, seen, policy)),
  };
}

async function missingSecrets(session: Session, policy: Policy): Promise<string[] | undefined> {
  const ids = [...new Set((policy.metrics ?? []).flatMap(secretsOf))];
  const missing: string[] = [];
  for (const id of ids) {
    const exists = await session.attempt(`secret ${id}`, session.ports.discovery.secretExists(id));
    if (exists === undefined) return undefined;
    if (!exists) missing.push(id);
  }
  return missing;
}

async function shiftOf(session: Session, { where }: DoctorFacts, policy: Policy): Promise<ShiftStep[] | undefined> {
  if (policy.staged) {
    return policy.staged.stages.slice(0, -1).map(({ percent, minutes }) => ({ share: percent / 100, minutes }));
  }
  const { deployments } = session.ports;
  const group = where && (await deployments.group(where.application, where.group));
  const routing = group && (await deployments.routing(group.configuration));
  return routing && shiftSteps(routing.kind, routing.percentage, routing.intervalMinutes);
}
