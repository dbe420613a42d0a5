import type { Finding } from "../../../lib/core/release/findings.ts";
import { assessReadiness, type Readiness } from "../../../lib/core/release/readiness.ts";
import { lastRollback } from "../../../lib/core/release/readiness-checks.ts";
import { EXIT } from "../exit-codes.ts";
import { describeAlias } from "../lookup.ts";
import { done, type Outcome, type Session } from "../session.ts";
import { guardedPlaces } from "./doctor.ts";
import { lookBeforeRelease, type ReadyLook } from "./ready-look.ts";

/** Whether a release could begin now, how it would be taken back, and how well all that is prepared. Changes nothing. */
export async function ready(
  session: Session,
  { functionName, alias }: { functionName: string | undefined; alias: string },
): Promise<Outcome> {
  const places = functionName === undefined ? await guardedPlaces(session) : [{ functionName, alias }];
  const examined: Awaited<ReturnType<typeof examine>>[] = [];
  for (const place of places) examined.push(await examine(session, place.functionName, place.alias));
  const names = (some: typeof examined) => some.map((one) => `${one.functionName}:${one.alias}`).join(", ");
  const held = examined.filter(({ admitted }) => !admitted);
  const broken = examined.filter(({ findings }) => findings.some(isBroken));
  if (held.length === 0 && broken.length > 0) {
    return {
      exitCode: EXIT.notAsExpected,
      code: "findings",
      message: `a release would be admitted now, and the doctor finds ${names(broken)} broken`,
      advice: broken[0]!.findings.find(isBroken)!.command,
      data: { functions: examined },
    };
  }
  if (held.length === 0) return done(`a release of ${names(examined)} would be admitted now`, { functions: examined });
  return {
    exitCode: EXIT.notAsExpected,
    code: "refused",
    message: `a release of ${names(held)} would be refused now: ${held.flatMap(({ refusals }) => refusals.map(({ code }) => code)).join(", ")}`,
    advice: held[0]!.refusals[0]!.advice,
    data: { functions: examined },
  };
}

const isBroken = ({ severity }: Finding) => severity === "broken";

async function examine(session: Session, functionName: string, alias: string) {
  const look = await lookBeforeRelease(session, functionName, alias);
  const { seen, admission, findings } = look;
  const { admitted, refusals, findings: noted } = admission;
  const readiness = look.readiness && assessReadiness(look.readiness);
  const minimum = look.readiness?.policy.minimumReadiness;
  const plan = planOf(look);
  const last = lastRollback(seen.record);
  session.print(`${functionName}:${alias} serves ${describeAlias(seen.alias)}`);
  session.print(admitted ? "  a release would be admitted now" : "  a release would be refused now");
  for (const { code, message, advice } of refusals) {
    session.print(`    ${code}: ${message}`);
    session.print(`      ${advice}`);
  }
  for (const { code, message } of noted) session.print(`    ${code} (no refusal): ${message}`);
  for (const finding of findings) printFinding(session, finding);
  session.print("  the next release would be taken back so:");
  for (const [i, step] of plan.entries()) session.print(`    ${i + 1}. ${step}`);
  if (readiness) printReadiness(session, readiness, minimum);
  return {
    functionName,
    alias,
    serves: seen.alias.functionVersion,
    admitted,
    refusals,
    noted: noted.map(({ code, message }) => ({ code, message })),
    findings,
    rollbackPlan: plan,
    lastRollback: last,
    readiness,
  };
}

function printFinding(session: Session, { code, severity, message, command }: Finding): void {
  session.print(`    ${severity === "broken" ? code.toUpperCase() : code} (doctor): ${message}`);
  session.print(`      ${command}`);
}

/** In the order in which it would happen. */
function planOf({ seen, readiness, wayBack }: ReadyLook): string[] {
  const { functionName, alias: name, functionVersion } = seen.alias;
  const policy = readiness?.policy;
  const flags = (policy?.flags ?? []).flatMap((reference) => reference.flags);
  const byHand = `goaround rollback --action rollback-function --function-name ${functionName} --alias ${name}`;
  const automatic = policy?.automaticRollback !== false;
  const disarmed = readiness?.beyond?.disarmed;
  const { guardMinutes = 0, rollbackStepSeconds, releaseGroup } = policy ?? {};
  return [
    automatic && !disarmed
      ? `While traffic moves: the deployment is stopped with rollback, and all traffic is on version ${functionVersion} again.`
      : `Nothing goes back by itself (${disarmed ? "the guard is disarmed" : "automaticRollback is off"}); people are told.`,
    ...(flags.length > 0 ? [`Beside it flags ${flags.join(", ")} go off.`] : []),
    "The alias is read back and verified; one notification says why, and how long it took.",
    `For ${guardMinutes} minutes after the release alarms put the alias back to version ${functionVersion}${rollbackStepSeconds === undefined ? ", at once" : `, in steps of ${rollbackStepSeconds} s`}.`,
    ...(releaseGroup === undefined ? [] : [`What group ${releaseGroup} has released with it goes back too.`]),
    `By hand, at any time: ${byHand}`,
    "why" in wayBack
      ? `Without a new release there is nowhere to go back to: ${wayBack.why}.`
      : `Without a new release the same command goes to version ${wayBack.target.version}, ${wayBack.source}.`,
  ];
}

function printReadiness(session: Session, { score, areas }: Readiness, minimum: number | undefined): void {
  const asked = minimum === undefined ? "" : `; of what its hook knows a release needs ${minimum}`;
  session.print(`  readiness ${score} of 100${asked}`);
  for (const { area, score: own, checks, unknown } of areas) {
    session.print(`    ${area.padEnd(14)} ${own ?? "-"}`);
    for (const { name, points, message, earn } of checks.filter(({ isMet }) => !isMet)) {
      session.print(`      ${name} (${points}): ${message}`);
      session.print(`        ${earn}`);
    }
    if (unknown.length > 0) session.print(`      not known, or nothing to check: ${unknown.join(", ")}`);
  }
}
