import type { Clock, FlagTarget, LedgerPort } from "../../lib/core/ports.ts";
import {
  EMPTY_ENVIRONMENT,
  type EnvironmentRecord,
  rememberKilled,
} from "../../lib/core/release/environment-record.ts";
import type { RollbackRecord } from "../../lib/core/release/journal.ts";
import { CLAIM_LEASE_MS } from "../../lib/core/release/lease.ts";
import type { AliasRecord, ReleaseRecord } from "../../lib/core/release/records.ts";
import { Calls } from "./faults.ts";

/**
 * The ledger in memory. Behaviour: `openRelease` writes only when the release is not open yet, and where the opening
 * record says nothing, what an earlier update wrote stays; updates merge; a claim belongs to
 * its first owner, who gets it again until it is complete, and to the next one after its lease; claims neither need nor make a record. A change of a record that others
 * share is one step; a rollback is written only over the revision named. What is read is a copy.
 */
export class FakeLedger implements LedgerPort {
  readonly calls = new Calls();
  readonly releases = new Map<string, ReleaseRecord>();
  readonly aliases = new Map<string, AliasRecord>();
  readonly claims = new Map<string, { owner: string; heldUntilMs: number }>();
  readonly rollbacks = new Map<string, RollbackRecord>();
  readonly archive = new Map<string, RollbackRecord>();
  environment: EnvironmentRecord = structuredClone(EMPTY_ENVIRONMENT);
  private readonly clock: Pick<Clock, "now">;

  constructor(clock: Pick<Clock, "now">) {
    this.clock = clock;
  }

  /** A flag that ann has killed. */
  givenKilled(target: FlagTarget, flag: string): void {
    const killed = { ...target, flag, at: "2026-03-01T00:00:00Z", by: "ann", reason: "leak", version: undefined };
    this.environment = { ...this.environment, ...rememberKilled(this.environment, [killed]) };
  }

  async getRelease(deploymentId: string): Promise<ReleaseRecord | undefined> {
    await this.calls.enter("getRelease", deploymentId);
    return structuredClone(this.releases.get(deploymentId));
  }

  async openRelease(record: ReleaseRecord): Promise<boolean> {
    await this.calls.enter("openRelease", record);
    const before = this.releases.get(record.deploymentId);
    if (before?.openedAt !== undefined) return false;
    const said = Object.entries(before ?? {}).filter(([name]) => isEmpty(record[name as keyof ReleaseRecord]));
    this.releases.set(record.deploymentId, structuredClone({ ...record, ...Object.fromEntries(said) }));
    return true;
  }

  async updateRelease(deploymentId: string, changes: Partial<ReleaseRecord>): Promise<void> {
    await this.calls.enter("updateRelease", { deploymentId, changes });
    const before = this.releases.get(deploymentId) ?? ({ deploymentId } as ReleaseRecord);
    this.releases.set(deploymentId, { ...before, ...structuredClone(changes) });
  }

  async claim(deploymentId: string, claim: string, owner: string): Promise<boolean> {
    await this.calls.enter("claim", { deploymentId, claim, owner });
    const key = `${deploymentId}/${claim}`;
    const nowMs = this.clock.now().getTime();
    const before = this.claims.get(key);
    if (before && before.owner !== owner && before.heldUntilMs >= nowMs) return false;
    this.claims.set(key, { owner, heldUntilMs: nowMs + CLAIM_LEASE_MS });
    return true;
  }

  async complete(deploymentId: string, claim: string): Promise<void> {
    await this.calls.enter("complete", { deploymentId, claim });
    this.claims.set(`${deploymentId}/${claim}`, { owner: "(done)", heldUntilMs: Number.POSITIVE_INFINITY });
  }

  async wasClaimed(deploymentId: string, claim: string): Promise<boolean> {
    await this.calls.enter("wasClaimed", { deploymentId, claim });
    return this.claims.has(`${deploymentId}/${claim}`);
  }

  async getAlias(functionName: string, alias: string): Promise<AliasRecord | undefined> {
    await this.calls.enter("getAlias", { functionName, alias });
    return structuredClone(this.aliases.get(`${functionName}:${alias}`));
  }

  async putAlias(functionName: string, alias: string, changes: Partial<AliasRecord>): Promise<void> {
    await this.calls.enter("putAlias", { functionName, alias, changes });
    const key = `${functionName}:${alias}`;
    const before = this.aliases.get(key) ?? { functionName, alias, lastKnownGood: undefined, knownBad: {} };
    this.aliases.set(key, { ...before, ...structuredClone(changes) });
  }

  async changeAlias(
    functionName: string,
    alias: string,
    change: (record: AliasRecord | undefined) => Partial<AliasRecord> | undefined,
  ): Promise<void> {
    await this.calls.enter("changeAlias", { functionName, alias });
    const key = `${functionName}:${alias}`;
    const before = this.aliases.get(key);
    const changes = change(structuredClone(before));
    if (!changes) return;
    const empty = { functionName, alias, lastKnownGood: undefined, knownBad: {} };
    this.aliases.set(key, { ...empty, ...before, ...structuredClone(changes) });
  }

  async getEnvironment(): Promise<EnvironmentRecord> {
    await this.calls.enter("getEnvironment", undefined);
    return structuredClone(this.environment);
  }

  async changeEnvironment(
    change: (record: EnvironmentRecord) => Partial<EnvironmentRecord> | undefined,
  ): Promise<EnvironmentRecord> {
    await this.calls.enter("changeEnvironment", undefined);
    this.environment = { ...this.environment, ...structuredClone(change(structuredClone(this.environment))) };
    return structuredClone(this.environment);
  }

  async getRollback(functionName: string, alias: string): Promise<RollbackRecord | undefined> {
    await this.calls.enter("getRollback", { functionName, alias });
    return structuredClone(this.rollbacks.get(`${functionName}:${alias}`));
  }

  async putRollback(record: RollbackRecord, expected: number): Promise<boolean> {
    await this.calls.enter("putRollback", { record, expected });
    const key = `${record.functionName}:${record.alias}`;
    if ((this.rollbacks.get(key)?.revision ?? 0) !== expected) return false;
    this.rollbacks.set(key, structuredClone(record));
    return true;
  }

  async archiveRollback(record: RollbackRecord): Promise<void> {
    await this.calls.enter("archiveRollback", record);
    this.archive.set(record.id, structuredClone(record));
  }
}

const isEmpty = (value: unknown) => value === undefined || (Array.isArray(value) && value.length === 0);
