import { withinBudget } from "../../lib/core/deadline.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import { factsOf, type Log } from "../../lib/core/log.ts";
import type { DeploymentInfo, DeploymentTarget, LedgerPort } from "../../lib/core/ports.ts";
import { EMPTY_ENVIRONMENT, type EnvironmentRecord } from "../../lib/core/release/environment-record.ts";
import { isOpened } from "../../lib/core/release/ledger-rules.ts";
import type { ReleaseRecord } from "../../lib/core/release/records.ts";
import { type UnrecordedPorts, unrecorded } from "../runtime/unrecorded.ts";

export interface KnownReleasePorts extends UnrecordedPorts {
  ledger: Pick<LedgerPort, "getRelease" | "getEnvironment" | "updateRelease">;
}

/** Where something is known of the release the ledger is waited for no longer: a canary is looked at meanwhile. Milliseconds. */
const ASK_MS = 3000;
/** Releases that one process remembers; more than it watches at a time. */
const MOST = 50;

/** What a process was told of releases, by deployment: a later turn in it goes on from there while the ledger is silent. */
export type Remembered = Map<string, ReleaseRecord>;

/**
 * What a turn knows of its release: what the ledger says, and what it could not be told. While it does not answer, the last
 * known record stands in, this turn's or another's, or else what CodeDeploy and the policy say: enough to compare the
 * versions and to ask the responder.
 */
export class KnownRelease {
  private readonly ports: KnownReleasePorts;
  private readonly environment: string;
  private readonly log: Log;
  private readonly deploymentId: string;
  private readonly remembered: Remembered;
  private known: ReleaseRecord | undefined;
  /** The ledger's newest word came before this turn, or there is none: what follows from it is not written. */
  private isBorrowed = false;
  private isSilent = false;
  /** What the ledger could not be told: this turn knows it all the same. */
  private unwritten: Partial<ReleaseRecord> = {};
  /** What people have ordered; a ledger that does not answer forbids nothing. */
  orders: EnvironmentRecord = EMPTY_ENVIRONMENT;

  constructor(ports: KnownReleasePorts, environment: string, log: Log, deploymentId: string, remembered: Remembered) {
    this.ports = ports;
    this.environment = environment;
    this.log = log;
    this.deploymentId = deploymentId;
    this.remembered = remembered;
  }

  /** Undefined before the first `read`. */
  get now(): ReleaseRecord | undefined {
    return this.known && { ...this.known, ...this.unwritten };
  }

  /** Throws where the ledger says that there is no release, or where nothing else says what it is. */
  async read(codeDeploys: Promise<readonly [DeploymentInfo, DeploymentTarget | undefined]>): Promise<void> {
    const { ledger } = this.ports;
    const [found, orders, [deployment, target]] = await Promise.all([
      this.ask(() => ledger.getRelease(this.deploymentId)),
      this.ask(() => ledger.getEnvironment()),
      codeDeploys,
    ]);
    if ("answer" in orders) this.orders = orders.answer;
    if ("answer" in found) return this.take(found.answer);
    this.isSilent = true;
    this.log.error("the ledger does not answer; going on with what is known", {
      deploymentId: this.deploymentId,
      ...factsOf(found.error),
    });
    if (this.known) return;
    this.known = this.remembered.get(this.deploymentId) ?? (await this.rebuild(deployment, target, found.error));
    this.isBorrowed = true;
  }

  /** What cannot be written is taken again by a later turn: the verdict does not depend on it. */
  async write(changes: Partial<ReleaseRecord>): Promise<void> {
    const all = { ...this.unwritten, ...changes };
    this.unwritten = all;
    if (this.isSilent) return;
    try {
      await this.ports.ledger.updateRelease(this.deploymentId, all);
      if (this.known) this.known = { ...this.known, ...all };
      // Another write may have begun meanwhile.
      if (this.unwritten === all) this.unwritten = {};
    } catch (error) {
      this.log.error("what was seen could not be kept", { deploymentId: this.deploymentId, ...factsOf(error) });
    }
  }

  private take(found: ReleaseRecord | undefined): void {
    if (!isOpened(found)) throw new GoaroundError("partly-done", "dependency", "the release has no record yet");
    if (this.isBorrowed) this.unwritten = {};
    this.isBorrowed = false;
    this.isSilent = false;
    this.known = found;
    this.remembered.delete(this.deploymentId);
    this.remembered.set(this.deploymentId, found);
    const [oldest] = this.remembered.keys();
    if (this.remembered.size > MOST && oldest !== undefined) this.remembered.delete(oldest);
  }

  private async ask<T>(call: () => Promise<T>): Promise<{ answer: T } | { error: unknown }> {
    const isKnown = this.known !== undefined || this.remembered.has(this.deploymentId);
    try {
      return { answer: await (isKnown ? withinBudget(this.ports.clock, ASK_MS, call) : call()) };
    } catch (error) {
      return { error };
    }
  }

  private async rebuild(deployment: DeploymentInfo, target: DeploymentTarget | undefined, silence: unknown) {
    if (!target) throw silence;
    const { release, isGuarded } = await unrecorded(
      { ports: this.ports, environment: this.environment },
      deployment,
      target,
    );
    if (!isGuarded) throw silence;
    return release;
  }
}
