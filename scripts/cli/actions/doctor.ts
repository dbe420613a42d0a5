import { type ErrorCode, GoaroundError } from "../../../lib/core/errors.ts";
import { diagnose } from "../../../lib/core/release/doctor.ts";
import { doctorCommand, type Finding, type FindingCode } from "../../../lib/core/release/findings.ts";
import { EXIT } from "../exit-codes.ts";
import { done, nothingToDo, type Outcome, planned, type Session } from "../session.ts";
import { lookAt } from "./doctor-look.ts";
import { repair } from "./doctor-repair.ts";

export interface DoctorOptions {
  /** Undefined: all guarded functions of the environment. */
  functions: readonly string[] | undefined;
  alias: string;
  /** Empty: every finding. */
  only: readonly FindingCode[];
  repair: boolean;
}

/** One repair can bring another finding to light; more rounds than this mean that something is fighting back. */
const MAX_REPAIRS = 20;

/** Finds what would make the next release fail or go wrong, says the repair of each finding, and does it when asked to. */
export async function doctor(session: Session, options: DoctorOptions): Promise<Outcome> {
  const places = await placesOf(session, options);
  const examined = places.map(({ functionName, alias }) => `${functionName}:${alias}`);
  const found = await examineEach(session, options, places);
  for (const finding of found) print(session, finding);
  const broken = found.filter(isBroken);
  const data = { examined, findings: found };
  if (broken.length === 0) {
    const notes = found.length > 0 ? `; ${count(found.length, "note")}` : "";
    return nothingToDo(`${count(examined.length, "alias", "aliases")} examined, nothing to repair${notes}`, data);
  }
  const repairable = broken.filter((finding) => finding.repair !== undefined);
  if (!options.repair) {
    return {
      exitCode: EXIT.notAsExpected,
      code: "findings",
      message: `found: ${summary(broken)}`,
      advice: `Repair what can be repaired: ${repairAll(options)}`,
      data,
    };
  }
  if (session.options.dryRun) return planned(`would repair ${summary(repairable) || "nothing"}`, data);
  if (repairable.length > 0) await session.confirm(`Repair ${summary(repairable)}?`);
  const { repaired, failed } = await repairEach(session, options, places, repairable);
  return conclude(session, options, places, { ...data, repaired, failed });
}

interface Place {
  functionName: string;
  alias: string;
}

async function placesOf(session: Session, { functions, alias }: DoctorOptions) {
  if (functions !== undefined) return functions.map((functionName) => ({ functionName, alias }));
  return guardedPlaces(session);
}

/** Every alias of the environment that has a policy. */
export async function guardedPlaces(session: Session): Promise<Place[]> {
  const guarded = await session.ports.discovery.guardedAliases(session.environment);
  if (guarded.length > 0) return guarded;
  throw new GoaroundError(
    "function-missing",
    "operator",
    `environment ${session.environment} has no guarded function`,
    {
      advice: "Check --environment, --region and --profile, or name functions with --functions.",
    },
  );
}

async function examine(session: Session, { only }: DoctorOptions, { functionName, alias }: Place) {
  const findings = diagnose(await lookAt(session, functionName, alias));
  return only.length === 0 ? findings : findings.filter(({ code }) => only.includes(code));
}

/** One alias that cannot be looked at, such as one whose stack is being created, hides no other. Throws when it is all there is. */
async function examineEach(session: Session, options: DoctorOptions, places: readonly Place[]): Promise<Finding[]> {
  const found: Finding[] = [];
  const errors: GoaroundError[] = [];
  for (const place of places) {
    session.throwIfInterrupted();
    try {
      found.push(...(await examine(session, options, place)));
    } catch (error) {
      errors.push(ofThisAlias(session, error));
      found.push(notExamined(place, errors.at(-1)!));
    }
  }
  if (errors.length > 0 && errors.length === places.length) throw errors[0];
  return found;
}

/** Anything else is nothing that the next alias would be spared. */
function ofThisAlias(session: Session, error: unknown): GoaroundError {
  if (error instanceof GoaroundError && !session.signal.aborted) return error;
  throw error;
}

const notExamined = ({ functionName, alias }: Place, { message, advice }: GoaroundError): Finding => ({
  code: "not-examined",
  severity: "broken",
  functionName,
  alias,
  message,
  repair: undefined,
  command: advice ?? doctorCommand(functionName, alias),
});

interface FailedRepair extends Place {
  /** The repair that failed; undefined: the alias could not be looked at any more. */
  code: FindingCode | undefined;
  error: ErrorCode;
  message: string;
}

/**
 * Looks anew before each repair: a repair may bring another finding to light, or take one away. A repair that fails ends
 * those of its alias; where it is the only alias it throws.
 */
async function repairEach(
  session: Session,
  options: DoctorOptions,
  places: readonly Place[],
  confirmed: readonly Finding[],
): Promise<{ repaired: Finding[]; failed: FailedRepair[] }> {
  const repaired: Finding[] = [];
  const failed: FailedRepair[] = [];
  /** Undefined: it failed. */
  const attempt = async <T>(place: Place, code: FindingCode | undefined, work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work;
    } catch (thrown) {
      const error = ofThisAlias(session, thrown);
      if (places.length === 1) throw error;
      const { functionName, alias } = place;
      session.warn(`${functionName}:${alias}: ${code ?? "not examined"}: ${error.message}`);
      failed.push({ functionName, alias, code, error: error.code, message: error.message });
      return undefined;
    }
  };
  const isSame = (a: Finding) => (b: Finding) =>
    a.code === b.code && a.functionName === b.functionName && a.alias === b.alias;
  for (const place of places) {
    const { functionName, alias } = place;
    const mine = confirmed.filter((finding) => finding.functionName === functionName && finding.alias === alias);
    if (mine.length === 0) continue;
    for (let round = 0; round < MAX_REPAIRS; round++) {
      session.throwIfInterrupted();
      const findings = await attempt(place, undefined, examine(session, options, place));
      const next = findings?.find(
        (finding) => finding.repair && isBroken(finding) && !repaired.some(sameRepair(finding)),
      );
      if (!next) break;
      if (!confirmed.some(isSame(next))) await session.confirm(`Repair ${next.code} too: ${next.message}?`);
      session.say(`Repair ${next.code} of ${functionName}:${alias}`);
      if (
        !(await attempt(
          place,
          next.code,
          repair(session, next).then(() => true),
        ))
      )
        break;
      repaired.push(next);
      session.state = `repaired so far: ${summary(repaired)}`;
    }
  }
  return { repaired, failed };
}

const sameRepair = (a: Finding) => (b: Finding) => JSON.stringify(a.repair) === JSON.stringify(b.repair);

async function conclude(
  session: Session,
  options: DoctorOptions,
  places: readonly Place[],
  data: Record<string, unknown> & { repaired: Finding[]; failed: FailedRepair[] },
): Promise<Outcome> {
  const left = (await examineEach(session, options, places)).filter(isBroken);
  const facts = { ...data, remaining: left };
  const repaired = `repaired: ${summary(data.repaired) || "nothing"}`;
  if (left.length === 0) return done(`${repaired}; nothing is left`, facts);
  for (const finding of left) print(session, finding);
  const isResumable = left.some(({ code, repair }) => repair !== undefined || code === "not-examined");
  return {
    exitCode: isResumable ? EXIT.partlyDone : EXIT.notAsExpected,
    code: isResumable ? "partly-done" : "findings",
    message: `${repaired}; left: ${summary(left)}`,
    advice: isResumable ? `Run it again: ${repairAll(options)}` : `A person must decide: ${left[0]!.command}`,
    data: facts,
  };
}

const isBroken = (finding: Finding) => finding.severity === "broken";

function print(session: Session, finding: Finding): void {
  const { functionName, alias, code, severity, message, command } = finding;
  session.print(`${functionName}:${alias}  ${severity === "broken" ? code.toUpperCase() : code}  ${message}`);
  session.print(`  ${finding.repair || severity === "note" ? command : `for a person: ${command}`}`);
}

const summary = (findings: readonly Finding[]) =>
  findings.map(({ code, functionName, alias }) => `${code} of ${functionName}:${alias}`).join(", ");

const repairAll = ({ functions, alias }: DoctorOptions) =>
  functions === undefined
    ? "goaround doctor --all --repair"
    : `goaround doctor --functions ${functions.join(" ")} --alias ${alias} --repair`;

const count = (n: number, one: string, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;
