import { GoaroundError } from "../../../lib/core/errors.ts";
import type { RollbackRequest } from "../../../lib/core/release/journal.ts";
import { type RollbackPorts, type RollbackResult, runRollback } from "../../../lib/core/release/run-rollback.ts";
import { FakeClock } from "../../fakes/clock.ts";
import { never } from "../../fakes/faults.ts";
import { FakeFunctions } from "../../fakes/functions.ts";
import { FakeLedger } from "../../fakes/ledger.ts";

/** Function `checkout`, alias `live` at version 3 with 10 % on version 4: what a rollback finds. */
export function world() {
  const clock = new FakeClock();
  const functions = new FakeFunctions();
  functions.given("checkout", ["1", "2", "3", "4"], "live", "3");
  functions.setAlias("checkout", "live", "3", { 4: 0.1 });
  return { clock, functions, ledger: new FakeLedger(clock) };
}

export type World = ReturnType<typeof world>;
export type Actor = RollbackPorts & Pick<World, "functions">;

export const requestOf = (version: string, owner: string, changes: Partial<RollbackRequest> = {}): RollbackRequest => ({
  functionName: "checkout",
  alias: "live",
  version,
  deploymentId: "d-1",
  reason: "error-rate",
  owner,
  actor: `role/${owner}`,
  automatic: true,
  steps: ["check-target", "move-alias", "verify"],
  ...changes,
});

export interface Seen {
  joined: string[];
  resumed: string[];
  withoutLedger: number;
}

/** A rollback as the product's are: each step looks first, and the alias is written over the revision just read. */
export function rollBack(
  actor: Actor,
  request: RollbackRequest,
  seen: Seen = { joined: [], resumed: [], withoutLedger: 0 },
  signal = new AbortController().signal,
): Promise<RollbackResult<string>> {
  const { functions } = actor;
  const { functionName, alias, version } = request;
  const isThere = (state: { functionVersion: string; weights: object }) =>
    state.functionVersion === version && Object.keys(state.weights).length === 0;
  const watcher = {
    signal,
    onJoin: ({ owner }: { owner: string }) => void seen.joined.push(owner),
    onResume: ({ owner }: { owner: string }) => void seen.resumed.push(owner),
    onWithoutLedger: () => {
      seen.withoutLedger += 1;
    },
  };
  return runRollback(
    actor,
    request,
    watcher,
    async ({ step }) => {
      await step("check-target", async () => {
        const found = await functions.getVersion(functionName, version);
        if (!found) throw new GoaroundError("version-missing", "operator", `no version ${version}`);
      });
      await step("move-alias", async () => {
        for (let reads = 1; ; reads += 1) {
          const before = await functions.getAlias(functionName, alias);
          if (isThere(before)) return;
          try {
            await functions.moveAlias({ functionName, alias, version, revisionId: before.revisionId });
            return;
          } catch (error) {
            if (!(error instanceof GoaroundError && error.code === "conflict") || reads >= 3) throw error;
          }
        }
      });
      return step("verify", async () => {
        const after = await functions.getAlias(functionName, alias);
        if (!isThere(after)) throw new GoaroundError("conflict", "dependency", `alias at ${after.functionVersion}`);
        return after.functionVersion;
      });
    },
    (at) => `alias ${alias} serves version ${at} alone`,
  );
}

const CALLS = new Set(["getRollback", "putRollback", "archiveRollback", "getVersion", "getAlias", "moveAlias"]);

/**
 * An actor whose process dies at its `at`-th call, before or after the call had its effect. Nothing of it runs on: its
 * calls and its sleeps never come back.
 */
export function mortal(world: World, at: number, when: "before" | "after"): { actor: Actor; died: Promise<void> } {
  let calls = 0;
  let isDead = false;
  let bury = (): void => undefined;
  const died = new Promise<void>((resolve) => {
    bury = resolve;
  });
  const die = () => {
    isDead = true;
    bury();
    return never<never>();
  };
  const dying = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(object, name) {
        const value = Reflect.get(object, name) as unknown;
        if (typeof value !== "function" || !CALLS.has(String(name))) return value;
        return async (...args: unknown[]) => {
          if (isDead) return never();
          calls += 1;
          const isLast = calls === at;
          if (isLast && when === "before") return die();
          const answer: unknown = await (value as (...args: unknown[]) => unknown).apply(object, args);
          return isLast || isDead ? die() : answer;
        };
      },
    });
  const clock = {
    now: () => world.clock.now(),
    sleep: (ms: number, signal?: AbortSignal) =>
      isDead ? never<void>() : world.clock.sleep(ms, signal).then(() => (isDead ? never<void>() : undefined)),
  };
  return { actor: { clock, functions: dying(world.functions), ledger: dying(world.ledger) }, died };
}
