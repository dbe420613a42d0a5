import { withinBudget } from "../deadline.ts";
import { GoaroundError } from "../errors.ts";
import type { AliasState, Clock, DeploymentsPort, FunctionsPort, LedgerPort, VersionInfo } from "../ports.ts";
import { withOutcome } from "./alias-history.ts";
import { withRollback } from "./cooldown.ts";
import { OPEN_STATUSES } from "./deployment.ts";
import { putBackTo } from "./ledger-rules.ts";
import type { GroupMember } from "./release-groups.ts";
import { rollbackTargets, wantedTargets } from "./rollback-targets.ts";
import { runRollback } from "./run-rollback.ts";
import { doesNotStay, isBack, writeAlias } from "./write-alias.ts";

export interface GroupRevertPorts {
  clock: Clock;
  ledger: LedgerPort;
  functions: Pick<FunctionsPort, "getAlias" | "getVersion" | "moveAlias">;
  deployments: Pick<DeploymentsPort, "list" | "stopWithRollback">;
}

/** Who puts a group back, and why. */
export interface GroupRevertActor {
  reason: string;
  owner: string;
  actor: string;
  automatic: boolean;
}

/** Between looks at a deployment that was stopped. Milliseconds. */
const POLL_MS = 5000;
/** A stopped deployment and its rollback take seconds; after this a person must look. Milliseconds. */
const STOPPED_LIMIT_MS = 180_000;
/** Order is good to have; a member that hangs keeps the one before it waiting no longer than this. Milliseconds. */
const TURN_LIMIT_MS = 10_000;
/** Books may not hold a rollback up. Milliseconds. */
export const BOOKS_LIMIT_MS = 2000;

/** Waits until no deployment of the member is open: CodeDeploy brings it back itself. */
export async function awaitRollback(
  { clock, deployments }: GroupRevertPorts,
  { application, group, functionName }: GroupMember,
  signal: AbortSignal,
): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    await clock.sleep(POLL_MS, signal);
    const open = await deployments.list({ application, group, statuses: OPEN_STATUSES });
    if (open.length === 0) return;
    if (waitedMs >= STOPPED_LIMIT_MS) {
      throw new GoaroundError("timed-out", "dependency", `deployment ${open[0]} of ${functionName} does not end`);
    }
  }
}

/** What served before the wave, unless it is gone or known bad; then what was good before that. */
export async function chooseTarget(
  { clock, ledger, functions }: GroupRevertPorts,
  member: GroupMember,
): Promise<VersionInfo> {
  const { functionName, alias, baselineVersion, brought } = member;
  const record = await withinBudget(clock, BOOKS_LIMIT_MS, () => ledger.getAlias(functionName, alias)).catch(
    () => undefined,
  );
  const refused: string[] = [];
  for (const version of wantedTargets(member, record)) {
    if (brought.includes(version)) continue;
    const info = await functions.getVersion(functionName, version);
    const { candidates, rejected } = rollbackTargets(member, record, info ? [info] : []);
    if (info && candidates.includes(version)) return info;
    refused.push(...rejected.filter((one) => one.version === version).map(({ why }) => `version ${version} ${why}`));
  }
  const why = refused.join("; ") || `version ${baselineVersion} is the only one known`;
  throw new GoaroundError("version-missing", "operator", why);
}

export interface Turn {
  come: Promise<void>;
  pass(): void;
}

/** Under the alias's own lease: whoever is on the same way already is joined. Passes its turn on with the write. */
export async function moveMember(
  ports: GroupRevertPorts,
  { owner, ...actor }: GroupRevertActor,
  member: GroupMember,
  version: string,
  { turn, ...watcher }: { turn: Turn; signal: AbortSignal; onWithoutLedger(error: unknown): void },
): Promise<{ state: AliasState; wasBack: boolean }> {
  const { functionName, alias, deploymentId, baselineVersion, brought } = member;
  let wasBack = true;
  const ran = await runRollback(
    ports,
    { functionName, alias, version, deploymentId, ...actor, owner: `${owner}/${functionName}`, steps: ["move-alias"] },
    watcher,
    ({ step }) =>
      step("move-alias", () =>
        writeAlias(ports, { ...member, alsoFrom: [baselineVersion, ...brought] }, version, {
          beforeWrite: () => itsTurn(ports.clock, turn),
          onMoved: () => {
            wasBack = false;
            turn.pass();
          },
        }),
      ),
    (state) => `alias ${alias} serves version ${state.functionVersion} alone`,
  );
  if (ran.kind === "acted") return { state: ran.value, wasBack };
  const state = await ports.functions.getAlias(functionName, alias);
  if (!isBack(state, version)) throw doesNotStay(alias, functionName, version);
  return { state, wasBack };
}

async function itsTurn(clock: Clock, { come }: Turn): Promise<void> {
  const waited = new AbortController();
  const limit = clock.sleep(TURN_LIMIT_MS, waited.signal).catch(() => undefined);
  await Promise.race([come, limit]);
  waited.abort();
}

/** The version is not known bad for it: another of the group was. */
export async function recordMember(
  { clock, ledger }: GroupRevertPorts,
  { automatic, actor, reason }: GroupRevertActor,
  { functionName, alias, deploymentId, brought }: GroupMember,
  target: VersionInfo,
): Promise<void> {
  const now = clock.now();
  const at = now.toISOString();
  const entry = { id: deploymentId, at, automatic, actor, to: target.version, left: brought, deploymentId };
  await ledger.changeAlias(functionName, alias, (record) =>
    record?.rollbacks?.some(({ id }) => id === deploymentId)
      ? undefined
      : {
          rollbacks: withRollback(record, entry),
          ...withOutcome(record, { deploymentId, outcome: "rolled-back", closedAt: at }),
          ...(brought.includes(record?.lastKnownGood?.version ?? "")
            ? putBackTo(record, target, deploymentId, now)
            : {}),
        },
  );
  await ledger.updateRelease(deploymentId, { outcome: "rolled-back", closedAt: at, reason, actor });
}
