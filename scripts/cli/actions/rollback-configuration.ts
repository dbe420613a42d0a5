import { GoaroundError } from "../../../lib/core/errors.ts";
import type { FlagTarget } from "../../../lib/core/ports.ts";
import {
  BACK_TO,
  CONFIGURATION_ORDER,
  configurationSubject,
  planConfigurationRollback,
} from "../../../lib/core/release/configuration-rollback.ts";
import { isSameContent } from "../../../lib/core/release/flag-document.ts";
import { killedIn } from "../../../lib/core/release/killed-flags.ts";
import { EXIT } from "../exit-codes.ts";
import { DEFAULT_REASON } from "../options.ts";
import { done, nothingToDo, type Outcome, planned, type Session } from "../session.ts";
import { deployContent } from "./flag-deployment.ts";
import { flagTargetOf } from "./flag-kill.ts";
import { recordOrder } from "./record-order.ts";
import { checkRecorded } from "./recorded-versions.ts";

export interface RollbackConfigurationOptions {
  applicationId: string;
  environmentId: string;
  profileId: string;
  /** Hosted version; default: what was deployed before. */
  toVersion?: number | undefined;
  /** Although its content is not the one that was recorded. */
  force: boolean;
}

/** A whole flag configuration back to an earlier version. Killed flags stay off whatever that version says. */
export async function rollbackConfiguration(session: Session, options: RollbackConfigurationOptions): Promise<Outcome> {
  const { flags, flagHistory, ledger } = session.ports;
  const reason = session.options.reason ?? DEFAULT_REASON;
  session.step(1, 3, "look at what was deployed");
  const target = await flagTargetOf(session, options);
  const active = await flags.activeDeployment(target);
  if (active) {
    throw new GoaroundError("conflict", "operator", `flag deployment ${active.number} (${active.state}) is running`, {
      advice: "Wait until it has ended. Single flags go off at once: goaround rollback --action rollback-flags …",
    });
  }
  const completed = await flagHistory.completed(target);
  const version = options.toVersion ?? completed[1]?.version;
  if (version === undefined) {
    throw new GoaroundError("flags-missing", "operator", "nothing was deployed before what is deployed now", {
      advice: "Name a version with --to-version.",
    });
  }
  const current = completed[0]?.version;
  if (version === current) return nothingToDo(`nothing to do: version ${version} is deployed`, { ...target, version });
  const stored = await flagHistory.content(target, version);
  const content = stored.document;
  const compared = await checkRecorded(session, { target, version, force: options.force }, stored);
  const planNow = async () => {
    const killed = killedIn(await ledger.getEnvironment(), target).map(({ flag }) => flag);
    return planConfigurationRollback({ completed, version, content, killed, now: session.clock.now() });
  };
  let plan = await planNow();
  const how = plan.kind === "revert" ? `revert flag deployment ${plan.number}` : `deploy it again: ${plan.why}`;
  session.banner("configuration back", {
    profile: `${options.applicationId} / ${options.environmentId} / ${options.profileId}`,
    version: `${current ?? "none"} → ${version}`,
    how,
    reason,
  });
  const data = { ...target, from: current, to: version, hashes: stored.hashes, compared };
  if (session.options.dryRun)
    return planned(`would go back to version ${version}: ${how}`, { ...data, how: plan.kind });
  await session.confirm(`Go back to version ${version}?`);
  // A flag may have been killed while the question stood there: a revert is looked at by no validator.
  plan = await planNow();
  session.step(2, 3, plan.kind);
  if (plan.kind === "revert") await flagHistory.revert(target, plan.number);
  else {
    const description = `${BACK_TO} version ${version}: ${reason}`;
    await deployContent(session, target, plan.document, description);
  }
  session.step(3, 3, "verify");
  const wanted = plan.kind === "redeploy" ? plan.document : content;
  const { now, isThere } = await verify(session, target, wanted);
  const subject = configurationSubject(options, `${current ?? "none"} → ${version}`);
  const recorded = await recordOrder(session, { action: CONFIGURATION_ORDER, subject, reason });
  if (!now || !isThere) {
    return {
      exitCode: EXIT.notAsExpected,
      code: "not-as-expected",
      message: `what is deployed${now ? ` (version ${now.version})` : ""} is not the content of version ${version}`,
      advice: "Somebody else has changed the flags meanwhile: goaround flags list, then run the same command again.",
      data: { ...data, how: plan.kind, version: now?.version, recorded },
    };
  }
  return done(
    `the content of version ${version} is deployed${now.version === version ? "" : ` (as version ${now.version})`}`,
    { ...data, how: plan.kind, version: now.version, recorded },
    plan.kind === "redeploy" && plan.heldOff.length > 0
      ? `Killed, and still off: ${plan.heldOff.join(", ")}.`
      : undefined,
  );
}

/** A stop is answered before it is through (202; API reference, StopDeployment, 2026). Milliseconds. */
const SETTLE_LIMIT_MS = 30_000;

/** What is deployed, as soon as it is what is wanted. */
async function verify(session: Session, target: FlagTarget, wanted: Record<string, unknown>) {
  const pause = session.pauses();
  const startedAtMs = session.clock.now().getTime();
  for (;;) {
    const now = await session.ports.flags.deployed(target);
    const isThere = now !== undefined && isSameContent(now.document, wanted);
    if (isThere || session.clock.now().getTime() - startedAtMs >= SETTLE_LIMIT_MS) return { now, isThere };
    await pause();
  }
}
