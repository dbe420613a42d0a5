import { gradualStrategyName, killStrategyName, OWN_FLAG_DEPLOYMENT_PREFIX } from "../../../lib/contract/names.ts";
import { GoaroundError } from "../../../lib/core/errors.ts";
import type { FlagTarget } from "../../../lib/core/ports.ts";
import { flagsFrozen } from "../../../lib/core/release/admission-environment.ts";
import { allOff, flagStates, setFlags } from "../../../lib/core/release/flag-document.ts";
import { FALLBACK_STRATEGY, READER_POLL_SECONDS } from "../../../lib/core/release/flag-kill.ts";
import { describeKilled, killedIn, releaseCommand } from "../../../lib/core/release/killed-flags.ts";
import { enableCommand } from "../../../lib/core/release/silenced-monitors.ts";
import { EXIT } from "../exit-codes.ts";
import { DEFAULT_REASON } from "../options.ts";
import { done, nothingToDo, type Outcome, planned, type Session } from "../session.ts";
import { followFlags, startFlags } from "./flag-deployment.ts";
import { type FlagPlace, flagTargetOf, holdOff, killInSession } from "./flag-kill.ts";

export interface RollbackFlagsOptions extends FlagPlace {
  flags: string[];
  force: boolean;
}

/** Switches flags off at once. All must exist, or nothing is changed. */
export async function rollbackFlags(session: Session, options: RollbackFlagsOptions): Promise<Outcome> {
  const flags = [...new Set(options.flags)];
  const reason = session.options.reason ?? DEFAULT_REASON;
  session.step(1, 3, "look at the flags that are deployed");
  const target = await flagTargetOf(session, options);
  const deployed = await session.ports.flags.deployed(target);
  if (!deployed) {
    throw new GoaroundError("flags-missing", "operator", `profile ${options.profileId} has never been deployed`, {
      advice: "Without a deployment every reader uses its own defaults; there is nothing to switch off.",
    });
  }
  const change = setFlags(deployed.document, allOff(flags));
  const hold = (version: number | undefined) => holdOff(session, target, flags, reason, version);
  session.banner("flags off", {
    profile: `${options.applicationId} / ${options.environmentId} / ${options.profileId}`,
    "switch off": change.changed.join(", ") || "none",
    "off already": change.unchanged.join(", "),
    reason,
    environment: session.environment,
  });
  const running = await session.ports.flags.activeDeployment(target);
  if (change.changed.length === 0 && running?.profileId !== target.profileId) {
    if (!session.options.dryRun) await hold(deployed.version);
    return nothingToDo(`nothing to do: ${flags.join(", ")} off already (version ${deployed.version})`, {
      ...target,
      switchedOff: [],
      alreadyOff: change.unchanged,
      version: deployed.version,
    });
  }
  if (session.options.dryRun) {
    if (running && !running.description.startsWith(OWN_FLAG_DEPLOYMENT_PREFIX) && !options.force) {
      throw new GoaroundError(
        "conflict",
        "operator",
        `flag deployment ${running.number} (${running.state}, "${running.description}") holds the environment and is not ours to stop`,
        { advice: "The kill would be refused. Wait for it, or use --force: that stops it and undoes its change." },
      );
    }
    const first = running ? `would stop flag deployment ${running.number} (${running.description}), then ` : "";
    return planned(`${first}would switch off ${change.changed.join(", ") || "nothing"}`, {
      ...target,
      wouldSwitchOff: change.changed,
      alreadyOff: change.unchanged,
      running,
    });
  }
  await session.confirm(`Switch off ${flags.join(", ")}?`);
  session.step(2, 3, "kill");
  session.state = "the kill may have been started; alarm actions are restored";
  let silent: string[] = [];
  const result = await killInSession(session, {
    target,
    flags,
    reason,
    unknown: "refuse",
    force: options.force,
    rememberSilenced: async (alarms) => {
      silent = alarms;
    },
  });
  await hold(result.version);
  session.step(3, 3, "verify");
  const now = await session.ports.flags.deployed(target);
  const states = flagStates(now?.document ?? {});
  const stillOn = flags.filter((flag) => states[flag]);
  const data = { ...target, ...result, states: Object.fromEntries(flags.map((flag) => [flag, states[flag] ?? false])) };
  if (stillOn.length > 0) {
    throw new GoaroundError("partly-done", "dependency", `still on after the kill: ${stillOn.join(", ")}`, {
      advice: "Somebody deploys flags at the same time. Run the same command again.",
    });
  }
  if (silent.length > 0) {
    return {
      exitCode: EXIT.partlyDone,
      code: "partly-done",
      message: `${flags.join(", ")} off, but the actions of ${silent.join(", ")} are still disabled`,
      advice: `Enable them: ${enableCommand(silent)}`,
      data: { ...data, stillSilent: silent },
    };
  }
  const undone =
    result.stoppedDeployments.length > 0
      ? ` Flag deployment ${result.stoppedDeployments.join(", ")} was stopped: what else it was to change did not happen.`
      : "";
  if (result.outcome === "already-off") {
    return done(`${flags.join(", ")} off (nothing had to be deployed)`, data, undone.trim() || undefined);
  }
  return done(
    `${result.switchedOff.join(", ")} off: effective for every reader at its next poll, ` +
      `${Math.round(result.effectiveSeconds * 10) / 10} s after the start plus the poll interval of the readers (${READER_POLL_SECONDS} s with the AppConfig agent's default)`,
    data,
    `They stay off through later deploys until they are released: ${releaseCommand(flags[0]!)}. Then switch one on with: goaround deploy --action update-flag --application-id ${options.applicationId} --environment-id ${options.environmentId} --profile-id ${options.profileId} --flag-name ${result.switchedOff[0]} --enabled true.${undone}`,
  );
}

/**
 * A flag goes on outside a freeze of flags, and a killed one after a person has released it. A ledger that does not answer
 * refuses nothing.
 */
async function requireAllowed(session: Session, target: FlagTarget, flag: string): Promise<void> {
  const record = await session.attempt("freezes and killed flags are not known", session.ports.ledger.getEnvironment());
  if (!record) return;
  const frozen = flagsFrozen(record, session.clock.now());
  if (frozen) throw new GoaroundError("refused", "operator", frozen.message, { advice: frozen.advice });
  const killed = killedIn(record, target).find((one) => one.flag === flag);
  if (!killed) return;
  throw new GoaroundError("refused", "operator", describeKilled(killed), {
    advice: `When it is safe again: ${releaseCommand(flag)}`,
  });
}

export interface UpdateFlagOptions extends FlagPlace {
  flagName: string;
  enabled: boolean;
  strategy?: string;
}

/** Sets one flag with an ordinary deployment and follows it to its end. */
export async function updateFlag(session: Session, options: UpdateFlagOptions): Promise<Outcome> {
  const { flagName, enabled } = options;
  const wanted = enabled ? "on" : "off";
  session.step(1, 3, "look at the flags that are deployed");
  const target = await flagTargetOf(session, options);
  const deployed = await session.ports.flags.deployed(target);
  if (!deployed) {
    throw new GoaroundError("flags-missing", "operator", `profile ${options.profileId} has never been deployed`, {
      advice: "Deploy the stack of the flag profile first.",
    });
  }
  const change = setFlags(deployed.document, { [flagName]: enabled });
  const running = await session.ports.flags.activeDeployment(target);
  if (running) {
    throw new GoaroundError(
      "conflict",
      "operator",
      `flag deployment ${running.number} (${running.state}, "${running.description}") holds the environment`,
      {
        advice: enabled
          ? "Wait until it has ended, then run the command again."
          : "Wait for it, or switch off at once with: goaround rollback --action rollback-flags …",
      },
    );
  }
  if (change.changed.length === 0) {
    return nothingToDo(`nothing to do: ${flagName} is ${wanted} already (version ${deployed.version})`, {
      ...target,
      flag: flagName,
      enabled,
      version: deployed.version,
    });
  }
  if (enabled) await requireAllowed(session, target, flagName);
  const strategies = strategiesFor(session, options);
  session.banner("update flag", {
    profile: `${options.applicationId} / ${options.environmentId} / ${options.profileId}`,
    flag: `${flagName} → ${wanted}`,
    strategy: strategies[0],
    reason: session.options.reason,
  });
  if (session.options.dryRun) {
    return planned(`would switch ${flagName} ${wanted}`, {
      ...target,
      flag: flagName,
      enabled,
      strategy: strategies[0],
    });
  }
  await session.confirm(`Switch ${flagName} ${wanted}?`);
  session.step(2, 3, "deploy");
  const description = `${OWN_FLAG_DEPLOYMENT_PREFIX} switch ${wanted} ${flagName}: ${session.options.reason ?? "update-flag"}`;
  const version = await session.ports.flags.createVersion(target, change.document, description);
  const { number, strategy } = await startFlags(session, target, version, strategies, description);
  session.state = `flag deployment ${number} is running; AppConfig goes on with it by itself`;
  session.resumeCommand = `aws appconfig get-deployment --application-id ${target.applicationId} --environment-id ${target.environmentId} --deployment-number ${number}`;
  const end = await followFlags(session, target, number);
  session.step(3, 3, "verify");
  const now = await session.ports.flags.deployed(target);
  const data = { ...target, flag: flagName, enabled, version, deploymentNumber: number, strategy, state: end.state };
  if (end.state === "COMPLETE" && flagStates(now?.document ?? {})[flagName] === enabled) {
    return done(`${flagName} is ${wanted} (version ${version}, flag deployment ${number})`, data);
  }
  return {
    exitCode: EXIT.notAsExpected,
    code: "rolled-back",
    message: `flag deployment ${number} ended as ${end.state}; ${flagName} is as it was`,
    advice: enabled
      ? "A monitor of the environment was red, or somebody stopped it. Look at the environment's alarms."
      : "A monitor of the environment was red. rollback-flags switches off in spite of red monitors.",
    data,
  };
}

/** On in steps, off at once; AWS's own strategy where ours was not deployed. A strategy that was named must exist. */
const strategiesFor = (session: Session, { strategy, enabled }: UpdateFlagOptions): string[] =>
  strategy === undefined
    ? [enabled ? gradualStrategyName(session.environment) : killStrategyName(session.environment), FALLBACK_STRATEGY]
    : [strategy];
