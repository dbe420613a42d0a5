import { gradualStrategyName } from "../../lib/contract/names.ts";
import type { FlagReference } from "../../lib/contract/policy.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import { messageOf } from "../../lib/core/log.ts";
import type { FlagTarget } from "../../lib/core/ports.ts";
import {
  heldBack,
  initialEnabling,
  isOutOfPatience,
  mustEnable,
  profileKey,
  waitingFlags,
  whyBlind,
  whyStop,
} from "../../lib/core/release/enable-flags.ts";
import { setFlags } from "../../lib/core/release/flag-document.ts";
import { UNFINISHED } from "../../lib/core/release/flag-kill.ts";
import { describeKilled, killedIn } from "../../lib/core/release/killed-flags.ts";
import { isOpened } from "../../lib/core/release/ledger-rules.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { readNewestMinute } from "../runtime/judge-flags.ts";
import { rememberFlags } from "./books.ts";
import { describeEnabling, endEnabling, tellNotJudged, writeEnabling } from "./end-enabling.ts";
import { mayPass, type Response } from "./responder.ts";
import { underOrders } from "./standing.ts";

/**
 * Takes the flags that wait for a release one step further: starts the gradual flag deployment of one profile after the
 * other, and looks how far each is. Asked for every minute, by whoever watches; all that is known is in the ledger and in
 * AppConfig, so that it does not matter who asks, how often, or what was cut off.
 */
export async function onEnableFlags(response: Response, deploymentId: string): Promise<void> {
  const { ports, log } = response;
  const [found, deployment] = await Promise.all([
    ports.ledger.getRelease(deploymentId),
    ports.deployments.get(deploymentId),
  ]);
  if (!isOpened(found) || !mustEnable(found, deployment)) return;
  const release = await underOrders(response, found);
  const alias = await ports.functions.getAlias(release.functionName, release.alias);
  const stop = whyStop(release, alias);
  if (stop) return endEnabling(response, release, stop);
  try {
    for (const reference of waitingFlags(release)) {
      const progress = await enable(response, release, reference);
      if (progress.kind === "stopped") return endEnabling(response, release, { why: progress.why, told: false });
      if (progress.kind === "waits") return wait(response, release, progress.why);
      if (progress.kind === "grows") return;
    }
  } catch (error) {
    if (mayPass(error)) throw error;
    return endEnabling(response, release, { why: messageOf(error), told: false });
  }
  log.info("the flags that waited for the release are on", { deploymentId });
  const findings = await tellNotJudged(response, release);
  const endedAt = ports.clock.now().toISOString();
  await writeEnabling(response, release, { endedAt, result: "on", why: undefined, findings });
  await rememberFlags(response, release, "again");
}

type Progress = { kind: "on" } | { kind: "grows" } | { kind: "waits"; why: string } | { kind: "stopped"; why: string };

async function enable(response: Response, release: ReleaseRecord, reference: FlagReference): Promise<Progress> {
  const { ports, environment } = response;
  const { applicationId: application, environmentId, profileId: profile } = reference;
  const target = await ports.flags.resolve({ application, environment: environmentId, profile });
  const begun = release.enabling?.deployments[profileKey(reference)];
  const progress = begun === undefined ? undefined : await follow(response, target, begun);
  if (progress && progress.kind !== "grows") return progress;
  const blind = whyBlind(release, ports.clock.now());
  if (blind !== undefined) return { kind: "stopped", why: blind };
  if (progress) return progress;
  const record = await ports.ledger.getEnvironment();
  const held = heldBack(record, release.functionName, ports.clock.now());
  if (held) return { kind: "waits", why: held };
  const killed = killedIn(record, target).filter(({ flag }) => reference.flags.includes(flag));
  if (killed.length > 0) return { kind: "stopped", why: killed.map(describeKilled).join(". ") };

  const description = describeEnabling(release, reference);
  const active = await ports.flags.activeDeployment(target);
  if (active && active.description !== description) {
    return { kind: "waits", why: `flag deployment ${active.number} ("${active.description}") holds the environment` };
  }
  if (active) return begin(response, release, reference, active.number);
  const deployed = await ports.flags.deployed(target);
  if (!deployed) return { kind: "stopped", why: "the flag profile has never been deployed" };
  const wanted = Object.fromEntries(reference.flags.map((flag) => [flag, true]));
  const change = setFlags(deployed.document, wanted);
  if (change.changed.length === 0) return { kind: "on" };
  try {
    await readNewestMinute(ports, { ...release, flags: [reference] });
  } catch (error) {
    return { kind: "waits", why: `what requests tell of it cannot be read: ${messageOf(error)}` };
  }
  const version = await ports.flags.createVersion(target, change.document, description);
  try {
    const number = await ports.flags.deploy(target, version, gradualStrategyName(environment), description);
    return await begin(response, release, reference, number);
  } catch (error) {
    if (!(error instanceof GoaroundError) || error.code !== "conflict") throw error;
    return { kind: "waits", why: "another flag deployment was faster" };
  }
}

async function begin(
  response: Response,
  release: ReleaseRecord,
  reference: FlagReference,
  number: number,
): Promise<Progress> {
  const { clock } = response.ports;
  response.log.info("flags are switched on in steps", { flags: reference.flags, number });
  const enabling = release.enabling ?? initialEnabling(clock.now());
  const beganAt = enabling.beganAt ?? clock.now().toISOString();
  const deployments = { ...enabling.deployments, [profileKey(reference)]: number };
  await writeEnabling(response, release, { beganAt, deployments, why: undefined });
  return { kind: "grows" };
}

async function follow({ ports }: Response, target: FlagTarget, number: number): Promise<Progress> {
  const { state } = await ports.flags.getDeployment(target, number);
  if (state === "COMPLETE") return { kind: "on" };
  if (UNFINISHED.has(state)) return { kind: "grows" };
  return { kind: "stopped", why: `flag deployment ${number} ended as ${state}: the flags are as they were before` };
}

/** People hear of it once: nothing is wrong, but the flag is not on either. */
async function wait(response: Response, release: ReleaseRecord, why: string): Promise<void> {
  const now = response.ports.clock.now();
  const enabling = release.enabling ?? initialEnabling(now);
  if (isOutOfPatience(enabling, now))
    return endEnabling(response, release, { why: `after a day still: ${why}`, told: false });
  response.log.info("the flags wait", { deploymentId: release.deploymentId, why });
  if (enabling.why !== why) await writeEnabling(response, { ...release, enabling }, { why });
}
