import type { FlagReference } from "../../lib/contract/policy.ts";
import type { Reason, Verdict } from "../../lib/core/judge/types.ts";
import type {
  ExecutionsPort,
  ResponderPort,
  ShiftPort,
  SweepPort,
  WatchStatus,
} from "../../lib/core/release/watch-ports.ts";
import { Calls } from "./faults.ts";

/** Watches by name: the id of their deployment, unless another is given. Behaviour: a start begins one that runs until the test says otherwise; a second start is none. */
export class FakeExecutions implements ExecutionsPort {
  readonly calls = new Calls();
  readonly statuses = new Map<string, WatchStatus>();

  async start(deploymentId: string, name = deploymentId): Promise<"started" | "exists"> {
    await this.calls.enter("start", name);
    if (this.statuses.has(name)) return "exists";
    this.statuses.set(name, "RUNNING");
    return "started";
  }

  async status(deploymentId: string): Promise<WatchStatus> {
    await this.calls.enter("status", deploymentId);
    return this.statuses.get(deploymentId) ?? "missing";
  }
}

/** The list and the switch. */
export class FakeSweep implements SweepPort {
  readonly calls = new Calls();
  readonly open = new Set<string>();
  enabled = false;

  async add(deploymentId: string): Promise<void> {
    await this.calls.enter("add", deploymentId);
    this.open.add(deploymentId);
  }

  async remove(deploymentId: string): Promise<void> {
    await this.calls.enter("remove", deploymentId);
    this.open.delete(deploymentId);
  }

  async list(): Promise<string[]> {
    await this.calls.enter("list", undefined);
    return [...this.open];
  }

  async enable(): Promise<void> {
    await this.calls.enter("enable", undefined);
    this.enabled = true;
  }

  async disable(): Promise<void> {
    await this.calls.enter("disable", undefined);
    this.enabled = false;
  }
}

/** Remembers what it was asked, and does nothing. */
export class FakeResponder implements ResponderPort {
  readonly calls = new Calls();
  readonly asked: { deploymentId: string; verdict: Verdict }[] = [];

  async rollBack(deploymentId: string, verdict: Verdict): Promise<void> {
    await this.calls.enter("rollBack", { deploymentId, verdict });
    this.asked.push({ deploymentId, verdict });
  }

  async switchOff(deploymentId: string, flags: FlagReference[], reasons: Reason[]): Promise<void> {
    await this.calls.enter("switchOff", { deploymentId, flags, reasons });
  }

  async attribute(deploymentId: string): Promise<void> {
    await this.calls.enter("attribute", deploymentId);
  }

  async enableFlags(deploymentId: string): Promise<void> {
    await this.calls.enter("enableFlags", deploymentId);
  }

  async heldFlagsOff(deploymentId: string): Promise<void> {
    await this.calls.enter("heldFlagsOff", deploymentId);
  }
}

/** Remembers the shares it was asked for; `set` does what is behind it, and says it is done where a test has none. */
export class FakeShift implements ShiftPort {
  readonly calls = new Calls();
  readonly shares: number[] = [];
  set: ShiftPort["setShare"] = async () => ({ isSet: true });

  async setShare(deploymentId: string, percent: number): ReturnType<ShiftPort["setShare"]> {
    await this.calls.enter("setShare", { deploymentId, percent });
    this.shares.push(percent);
    return this.set(deploymentId, percent);
  }
}
