import type { LocalService, OperationHandler, World } from "../../kernel/service.ts";
import { EventRouter } from "./bus.ts";
import { busOperations } from "./bus-operations.ts";
import type { Disturbance } from "./disturbance.ts";
import { eventOperations } from "./event-operations.ts";
import { ruleOperations } from "./rule-operations.ts";

export interface EventBridgeOptions {
  /** Virtual milliseconds from an event to its targets. Default 500; AWS publishes no figure. [inferred] */
  deliveryDelayMs?: number;
}

export interface EventBridgeService extends LocalService {
  /** Makes deliveries unreliable in the ways that AWS allows itself; returns how to end it. */
  disturb(disturbance: Disturbance): () => void;
}

/** EventBridge: buses, rules, schedules and their targets. Installs the link `emitEvent`. */
export function createEventBridge(world: World, options: EventBridgeOptions = {}): EventBridgeService {
  const router = new EventRouter(world, options.deliveryDelayMs ?? 500);
  world.install("emitEvent", (event) => router.accept("default", router.event(event, world.clock.now())));
  const rules = ruleOperations(world, router);
  const operations: Record<string, OperationHandler> = {
    ...rules.operations,
    ...eventOperations(world, router),
    ...busOperations(router, rules.findBus),
  };
  return {
    name: "eventbridge",
    operations,
    disturb: (disturbance) => router.disturbances.add(disturbance),
    reset: () => router.reset(),
  };
}
