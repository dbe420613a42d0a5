import { VirtualClock } from "../../../lib/local/kernel/clock.ts";
import type { OperationHandler, RequestContext } from "../../../lib/local/kernel/service.ts";
import { LocalWorld } from "../../../lib/local/kernel/world.ts";
import type { ControlActions } from "../../../lib/local/transport/control.ts";
import { startServer } from "../../../lib/local/transport/server.ts";

export interface SeenCall {
  input: Record<string, unknown>;
  context: RequestContext;
}

/** A world with one toy service per row, served over HTTP; `seen` holds what the handlers were given. */
export async function serveToys(toys: Record<string, Record<string, OperationHandler>>, region = "us-east-1") {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const world = new LocalWorld({ clock, region });
  const seen: SeenCall[] = [];
  for (const [name, operations] of Object.entries(toys)) {
    const recording = Object.entries(operations).map(([operation, handler]): [string, OperationHandler] => [
      operation,
      (input, context) => {
        seen.push({ input, context });
        return handler(input, context);
      },
    ]);
    world.register({ name, operations: Object.fromEntries(recording), reset: () => undefined });
  }
  const control: ControlActions = {
    reset: () => world.reset(),
    state: () => ({
      now: new Date(clock.now()).toISOString(),
      seed: world.seed,
      region: world.region,
      accountId: world.accountId,
      services: Object.keys(toys),
      faults: world.faults.active(),
    }),
    advance: (seconds) => clock.advanceBy(seconds * 1000),
    inject: (rule) => {
      world.faults.inject(rule);
    },
    clearFaults: () => world.faults.clear(),
  };
  const server = await startServer(world, 0, control);
  const client = {
    endpoint: server.endpoint,
    region,
    credentials: { accessKeyId: "AKIDTEST", secretAccessKey: "secret" },
    maxAttempts: 1,
  };
  return { world, clock, seen, server, client };
}
