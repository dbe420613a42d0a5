import { withinBudget } from "../deadline.ts";
import { GoaroundError } from "../errors.ts";
import type { FlagResult } from "./records.ts";
import {
  flagsOfWave,
  type GroupMember,
  type GroupWave,
  inOrderOfReturn,
  isLeftToDo,
  type MemberResult,
  withRevert,
  withRevertResult,
} from "./release-groups.ts";
import {
  awaitRollback,
  BOOKS_LIMIT_MS,
  chooseTarget,
  type GroupRevertActor,
  type GroupRevertPorts,
  moveMember,
  recordMember,
  type Turn,
} from "./revert-member.ts";
import { type RollbackWatcher, runRollback } from "./run-rollback.ts";

export interface GroupRevertRequest extends GroupRevertActor {
  name: string;
  wave: GroupWave;
  /** The release whose own rollback is under way: its alias is not touched here. */
  ownRollback?: string | undefined;
}

export interface GroupLevers {
  /** Switches flags off. Never throws: what is left is in the results. */
  flagsOff(member: GroupMember, references: GroupMember["flags"]): Promise<FlagResult[]>;
  /** Why nothing may be done to the function, if so. */
  objection?(member: GroupMember): string | undefined;
  say(message: string): void;
}

export interface GroupRevertResult {
  members: MemberResult[];
  flags: FlagResult[];
  /** Seconds until the traffic of all members was back; undefined when it is not, or another actor did it. */
  restoredSeconds: number | undefined;
  /** Another actor did it. */
  joined: boolean;
  /** All aliases are back, all flags off, and the ledger knows it; else a second run finishes it. */
  isDone: boolean;
}

/**
 * Puts a wave back as one: deployments that run are stopped first, then the aliases go back and the flags off, side by
 * side, both in reverse order of release. One actor does it, others join; a second run looks at everything again and
 * finishes what was left. What cannot be put back keeps nothing else from going back; it is in the result.
 */
export async function revertGroup(
  ports: GroupRevertPorts,
  request: GroupRevertRequest,
  watcher: RollbackWatcher,
  levers: GroupLevers,
): Promise<GroupRevertResult> {
  const { name, wave, reason, owner, actor, automatic } = request;
  const [functionName, alias] = groupLease(name);
  let result: GroupRevertResult | undefined;
  try {
    const ran = await runRollback(
      ports,
      {
        ...{ functionName, alias, version: wave.id, deploymentId: wave.id },
        ...{ reason, owner, actor, automatic },
        steps: ["stop-deployment", "flags-off", "move-alias", "record"],
      },
      watcher,
      async ({ step, signal }) => {
        result = await new Reverting(ports, request, levers, signal).run(step);
        const left = result.members.filter(isLeftToDo);
        if (left.length === 0) return result;
        throw new GoaroundError("partly-done", "dependency", left.map(describeMember).join("; "));
      },
      ({ members }) => members.map(describeMember).join("; "),
    );
    if (ran.kind === "acted") return ran.value;
  } catch (error) {
    // What is left to do stands with each member.
    if (result && error instanceof GoaroundError && error.code === "partly-done") return result;
    throw error;
  }
  const { groups } = await ports.ledger.getEnvironment();
  const revert = groups[name]?.id === wave.id ? groups[name].revert : undefined;
  return {
    members: revert?.members ?? [],
    flags: revert?.flags ?? [],
    restoredSeconds: undefined,
    joined: true,
    isDone: revert?.doneAt !== undefined,
  };
}

/** The lease of a group stands in the ledger beside those of aliases. */
export const groupLease = (name: string) => [`group:${name}`, "wave"] as const;

/**
 * On record as back, and not by somebody who died before they had closed their journal. A journal that cannot be read says
 * nothing: whoever goes on then finds everything as it should be.
 */
export async function isGroupBack(
  { clock, ledger }: Pick<GroupRevertPorts, "clock" | "ledger">,
  name: string,
  { id, revert }: GroupWave,
): Promise<boolean> {
  if (revert?.doneAt === undefined) return false;
  try {
    const journal = await withinBudget(clock, BOOKS_LIMIT_MS, () => ledger.getRollback(...groupLease(name)));
    return journal?.version !== id || journal.result !== undefined;
  } catch {
    return false;
  }
}

export const describeMember = ({ functionName, alias, outcome, version, detail }: MemberResult) =>
  `${functionName}:${alias} ${outcome}${version === undefined ? "" : ` (version ${version})`}${detail ? `: ${detail}` : ""}`;

type Step = <T>(name: "stop-deployment" | "flags-off" | "move-alias" | "record", work: () => Promise<T>) => Promise<T>;

/** Whether it had to be stopped, or why that could not be done. */
type Stopped = boolean | Error;

class Reverting {
  private readonly ports: GroupRevertPorts;
  private readonly request: GroupRevertRequest;
  private readonly levers: GroupLevers;
  private readonly signal: AbortSignal;
  private isRecorded = true;
  /** Ends when the member that was released next has been put back, or cannot be. */
  private turn: Promise<void> = Promise.resolve();

  constructor(ports: GroupRevertPorts, request: GroupRevertRequest, levers: GroupLevers, signal: AbortSignal) {
    this.ports = ports;
    this.request = request;
    this.levers = levers;
    this.signal = signal;
  }

  async run(step: Step): Promise<GroupRevertResult> {
    const { clock } = this.ports;
    const startedAt = clock.now().getTime();
    const wave = await this.announce();
    const members = inOrderOfReturn(wave);
    const stopped = await step("stop-deployment", () => this.stopAll(members));
    const [returned, flags] = await Promise.all([
      step("move-alias", async () => {
        const results = await Promise.all(members.map((member) => this.putBack(member, stopped.get(member) ?? false)));
        return { results, seconds: (clock.now().getTime() - startedAt) / 1000 };
      }),
      step("flags-off", () => this.switchFlagsOff(wave)),
    ]);
    const { results, seconds } = returned;
    const isDone = !results.some(isLeftToDo) && flags.every(({ outcome }) => outcome === "off");
    await step("record", () => this.conclude(results, flags, isDone));
    const restoredSeconds = results.some(isLeftToDo) ? undefined : seconds;
    return { members: results, flags, restoredSeconds, joined: false, isDone: isDone && this.isRecorded };
  }

  /** From now on no member is released. */
  private async announce(): Promise<GroupWave> {
    const { name, wave } = this.request;
    const start = this.start();
    let known = wave;
    await this.books("announcing it", async (signal) => {
      // An announcement that comes through late would take back what was concluded meanwhile.
      const { groups } = await this.ports.ledger.changeEnvironment((record) =>
        signal.aborted ? undefined : withRevert(record, name, wave.id, start),
      );
      // Another may have joined since.
      if (groups[name]?.id === wave.id) known = groups[name];
    });
    // Said again with the end.
    this.isRecorded = true;
    return known;
  }

  private start() {
    const { actor: by, reason } = this.request;
    return { since: this.ports.clock.now().toISOString(), by, reason };
  }

  /** All are told before any alias is looked at: what runs takes traffic forward. */
  private async stopAll(members: readonly GroupMember[]): Promise<Map<GroupMember, Stopped>> {
    const stop = async (member: GroupMember): Promise<Stopped> => {
      const { deploymentId, functionName } = member;
      if (deploymentId === this.request.ownRollback || this.levers.objection?.(member) !== undefined) return false;
      try {
        const isStopping = (await this.ports.deployments.stopWithRollback(deploymentId)) === "stopping";
        if (isStopping) this.levers.say(`stopping ${deploymentId} of ${functionName} with rollback`);
        return isStopping;
      } catch (error) {
        return asError(error);
      }
    };
    return new Map(await Promise.all(members.map(async (member) => [member, await stop(member)] as const)));
  }

  private async putBack(member: GroupMember, stopped: Stopped): Promise<MemberResult> {
    const { functionName, alias, deploymentId } = member;
    const result = (outcome: MemberResult["outcome"], version?: string, detail?: string): MemberResult => ({
      ...{ functionName, alias, deploymentId, outcome, version, detail },
    });
    if (deploymentId === this.request.ownRollback) return result("own-rollback");
    const why = this.levers.objection?.(member);
    if (why !== undefined) return result("left", undefined, why);
    // CodeDeploy takes this one back: the others do not wait for it.
    const turn = stopped === true ? { come: Promise.resolve(), pass: () => undefined } : this.nextTurn();
    try {
      if (stopped === true) await awaitRollback(this.ports, member, this.signal);
      const target = await chooseTarget(this.ports, member);
      const { state, wasBack } = await moveMember(this.ports, this.request, member, target.version, {
        turn,
        signal: this.signal,
        onWithoutLedger: () => this.levers.say(`no journal of ${functionName}: the ledger does not answer`),
      });
      this.levers.say(`${functionName}:${alias} is on version ${state.functionVersion}`);
      await this.books(`recording ${functionName}`, () => recordMember(this.ports, this.request, member, target));
      return result(wasBack && stopped !== true ? "was-back" : "restored", state.functionVersion);
    } catch (error) {
      this.signal.throwIfAborted();
      const detail = `${stopped instanceof Error ? `${stopped.message}; ` : ""}${asError(error).message}`;
      this.levers.say(`${functionName}:${alias} could not be put back: ${detail}`);
      return result("failed", undefined, detail);
    } finally {
      turn.pass();
    }
  }

  /** Aliases are written one after the other. */
  private nextTurn(): Turn {
    const come = this.turn;
    let pass: () => void = () => undefined;
    this.turn = new Promise((resolve) => {
      pass = resolve;
    });
    return { come, pass };
  }

  /** Profile after profile: an AppConfig environment takes one deployment at a time. */
  private async switchFlagsOff(wave: GroupWave): Promise<FlagResult[]> {
    const results: FlagResult[] = [];
    for (const { member, references } of flagsOfWave(wave)) {
      if (this.levers.objection?.(member) !== undefined) continue;
      results.push(...(await this.levers.flagsOff(member, references)));
    }
    return results;
  }

  private async conclude(members: MemberResult[], flags: FlagResult[], isDone: boolean): Promise<void> {
    const { name, wave } = this.request;
    const start = this.start();
    const doneAt = isDone ? start.since : undefined;
    await this.books("concluding it", (signal) =>
      this.ports.ledger.changeEnvironment((record) => {
        // Late, only good news is news: whoever runs next may have finished what was left.
        if (signal.aborted && !isDone) return undefined;
        // The ledger may not have answered when it was announced.
        const announced = withRevert(record, name, wave.id, start) ?? record;
        return withRevertResult(announced, name, wave.id, { doneAt, members, flags });
      }),
    );
  }

  private async books(what: string, work: (over: AbortSignal) => Promise<unknown>): Promise<void> {
    // Also where the ledger itself has given the call up before.
    const over = new AbortController();
    try {
      await withinBudget(this.ports.clock, BOOKS_LIMIT_MS, () => work(over.signal));
    } catch (error) {
      this.isRecorded = false;
      this.levers.say(`${what} failed: ${asError(error).message}`);
    } finally {
      over.abort();
    }
  }
}

const asError = (error: unknown) => (error instanceof Error ? error : new Error(String(error)));
