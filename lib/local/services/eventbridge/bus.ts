import type { SeededRandom } from "../../kernel/random.ts";
import type { ServiceEvent, World } from "../../kernel/service.ts";
import { TargetDelivery } from "./delivery.ts";
import { Disturbances } from "./disturbance.ts";
import { matchesPattern } from "./pattern.ts";
import type { BusEvent, EventBus, Rule } from "./records.ts";
import { nextFiring } from "./schedule.ts";

/** Buses, their rules and schedules, and the way of an event through them. */
export class EventRouter {
  readonly buses = new Map<string, EventBus>();
  readonly disturbances: Disturbances;
  private readonly world: World;
  private readonly random: SeededRandom;
  private readonly delivery: TargetDelivery;
  private readonly deliveryDelayMs: number;

  constructor(world: World, deliveryDelayMs: number) {
    this.world = world;
    this.deliveryDelayMs = deliveryDelayMs;
    this.random = world.random.fork("eventbridge");
    this.disturbances = new Disturbances(world.random.fork("eventbridge-disturbances"));
    this.delivery = new TargetDelivery(world, this.random.fork("delivery"), (arn, event) =>
      this.accept(arn.split("event-bus/")[1] ?? "", event),
    );
    this.addBus("default", undefined);
  }

  addBus(name: string, description: string | undefined): EventBus {
    const now = this.world.clock.now();
    const bus: EventBus = {
      name,
      arn: `arn:aws:events:${this.world.region}:${this.world.accountId}:event-bus/${name}`,
      description,
      policy: undefined,
      createdMs: now,
      modifiedMs: now,
      rules: new Map(),
      tags: new Map(),
    };
    this.buses.set(name, bus);
    return bus;
  }

  ruleArn(busName: string, rule: string): string {
    const path = busName === "default" ? rule : `${busName}/${rule}`;
    return `arn:aws:events:${this.world.region}:${this.world.accountId}:rule/${path}`;
  }

  event(fields: ServiceEvent | (Omit<ServiceEvent, "detail"> & { detail: unknown }), atMs: number): BusEvent {
    return {
      version: "0",
      id: this.random.uuid(),
      "detail-type": fields.detailType,
      source: fields.source,
      account: this.world.accountId,
      time: `${new Date(atMs).toISOString().slice(0, 19)}Z`,
      region: this.world.region,
      resources: [...fields.resources],
      detail: fields.detail,
    };
  }

  /** Takes an event in: rules are matched now, targets get it after the delivery delay. */
  accept(busName: string, event: BusEvent): void {
    const rules = [...(this.buses.get(busName)?.rules.values() ?? [])];
    const matching = rules.filter((rule) => rule.enabled && rule.pattern && matchesPattern(rule.pattern, event));
    for (const rule of matching) this.trigger(rule, event);
  }

  /** Sets a rule's schedule going, or stops it. */
  arm(rule: Rule): void {
    rule.timer?.cancel();
    rule.timer = undefined;
    if (!rule.enabled || !rule.schedule) return;
    const at = nextFiring(rule.schedule, this.world.clock.now());
    if (at === undefined) return;
    rule.timer = this.world.clock.at(at, () => {
      this.trigger(
        rule,
        this.event({ source: "aws.events", detailType: "Scheduled Event", resources: [rule.arn], detail: {} }, at),
      );
      this.arm(rule);
    });
  }

  reset(): void {
    for (const bus of this.buses.values()) for (const rule of bus.rules.values()) rule.timer?.cancel();
    this.buses.clear();
    this.disturbances.clear();
    this.addBus("default", undefined);
  }

  private trigger(rule: Rule, event: BusEvent): void {
    this.delivery.count(rule, "MatchedEvents");
    const delays = this.disturbances.arrivals(event.source);
    for (const target of rule.targets.values()) {
      for (const delay of delays) {
        const at = this.world.clock.now() + this.deliveryDelayMs + delay;
        // Retries may take hours of virtual time, so the timer does not wait for the delivery to end.
        this.world.clock.at(at, () => void this.delivery.deliver(rule, target, event));
      }
    }
  }
}
