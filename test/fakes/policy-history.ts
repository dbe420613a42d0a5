import type { PolicyHistoryPort, PolicyVersion } from "../../lib/core/operator-ports.ts";
import type { Clock } from "../../lib/core/ports.ts";
import { Calls } from "./faults.ts";
import type { FakePolicies } from "./index.ts";

const STANDARD_TIER_BYTES = 4096;

/**
 * Versions of the policies of `FakePolicies`. Behaviour: what stands there already is a version that a deployment wrote;
 * a tier once advanced stays so; nothing is written where there is no parameter.
 */
export class FakePolicyHistory implements PolicyHistoryPort {
  readonly calls = new Calls();
  private readonly kept = new Map<string, PolicyVersion[]>();
  private readonly policies: FakePolicies;
  private readonly clock: Clock;

  constructor(policies: FakePolicies, clock: Clock) {
    this.policies = policies;
    this.clock = clock;
  }

  /** Somebody else writes it. */
  written(functionName: string, alias: string, document: string): void {
    this.add(`${functionName}:${alias}`, document, "arn:aws:iam::111122223333:user/somebody", "somebody's");
  }

  async versions(_: string, functionName: string, alias: string): Promise<PolicyVersion[]> {
    await this.calls.enter("versions", { functionName, alias });
    return structuredClone([...this.of(`${functionName}:${alias}`)]);
  }

  async write(change: Parameters<PolicyHistoryPort["write"]>[0]): Promise<number> {
    await this.calls.enter("write", change);
    const key = `${change.functionName}:${change.alias}`;
    if (!this.policies.documents.has(key)) throw new Error(`there is no parameter of ${key}`);
    return this.add(key, change.document, "arn:aws:iam::111122223333:user/operator", change.description);
  }

  /** Newest first. */
  private of(key: string): PolicyVersion[] {
    const document = this.policies.documents.get(key);
    if (document === undefined) return [];
    const kept = this.kept.get(key) ?? [];
    this.kept.set(key, kept);
    if (kept[0]?.document !== document) {
      const by = "arn:aws:sts::111122223333:assumed-role/cdk-exec/AWSCloudFormation";
      kept.unshift(this.made(kept, document, by, `Release policy of ${key}`));
    }
    return kept;
  }

  private add(key: string, document: string, by: string, description: string): number {
    const kept = this.of(key);
    const made = this.made(kept, document, by, description);
    kept.unshift(made);
    this.policies.documents.set(key, document);
    return made.version;
  }

  private made([before]: readonly PolicyVersion[], document: string, by: string, description: string): PolicyVersion {
    const isAdvanced = before?.tier === "Advanced" || Buffer.byteLength(document) > STANDARD_TIER_BYTES;
    const version = (before?.version ?? 0) + 1;
    return { version, document, at: this.clock.now(), by, description, tier: isAdvanced ? "Advanced" : "Standard" };
  }
}
