import { GoaroundError } from "../../lib/core/errors.ts";

export const throttled = () => new GoaroundError("throttled", "dependency", "Rate exceeded", { advice: "Try again." });
export const never = <T>() => new Promise<T>(() => {});

/**
 * Calls that were made, and what to do instead of the next ones. Behaviour: `fail("getAlias", error, 2)` makes the next
 * two calls throw; `hang("getAlias")` makes all further ones never answer. A failed call has no effect.
 */
export class Calls {
  readonly log: { operation: string; input: unknown }[] = [];
  private readonly faults = new Map<string, { kind: "fail" | "hang"; error?: unknown; times: number }>();

  fail(operation: string, error: unknown = throttled(), times = Number.POSITIVE_INFINITY): void {
    this.faults.set(operation, { kind: "fail", error, times });
  }

  hang(operation: string): void {
    this.faults.set(operation, { kind: "hang", times: Number.POSITIVE_INFINITY });
  }

  heal(operation: string): void {
    this.faults.delete(operation);
  }

  of(operation: string): unknown[] {
    return this.log.filter((call) => call.operation === operation).map((call) => call.input);
  }

  async enter(operation: string, input: unknown): Promise<void> {
    this.log.push({ operation, input });
    const fault = this.faults.get(operation);
    if (!fault || fault.times <= 0) return;
    fault.times -= 1;
    if (fault.kind === "hang") await never();
    throw fault.error;
  }
}
