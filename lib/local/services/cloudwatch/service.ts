import type { LocalService, OperationHandler, World } from "../../kernel/service.ts";
import { AlarmEngine } from "./alarm-engine.ts";
import { alarmOperations } from "./alarm-operations.ts";
import { createDashboards } from "./dashboards.ts";
import { metricOperations } from "./metric-operations.ts";
import { MetricStore } from "./metric-store.ts";
import type { AlarmStateValue } from "./missing-data.ts";
import { TagStore, tagOperations } from "./tags.ts";

export interface AlarmReading {
  state: AlarmStateValue;
  actionsEnabled: boolean;
}

export interface CloudWatchService extends LocalService {
  /** An alarm as it stands, for services that watch alarms without an API call; undefined when there is none. */
  alarmState(nameOrArn: string): AlarmReading | undefined;
  /** AWS's own metrics come late: what would become readable between these virtual times becomes so at the second. */
  holdMetrics(fromMs: number, untilMs: number): void;
}

/** CloudWatch: metrics, alarms, dashboards. Installs the link `recordMetric`. */
export function createCloudWatch(world: World): CloudWatchService {
  const store = new MetricStore();
  const engine = new AlarmEngine(world, store);
  const tags = new TagStore();
  const dashboards = createDashboards(world);
  const held: { fromMs: number; untilMs: number }[] = [];
  const heldUntil = (readableMs: number) =>
    held.reduce((ms, { fromMs, untilMs }) => (ms >= fromMs && ms < untilMs ? untilMs : ms), readableMs);
  world.install("recordMetric", (sample) => {
    const now = world.clock.now();
    store.record({ ...sample, visibleAtMs: heldUntil(sample.visibleAtMs ?? now) }, now);
  });

  const operations: Record<string, OperationHandler> = {
    ...metricOperations(world, store),
    ...alarmOperations(world, engine, tags),
    ...tagOperations(engine, tags),
    ...dashboards.operations,
  };
  return {
    name: "cloudwatch",
    operations,
    alarmState(nameOrArn) {
      const alarm = engine.find(nameOrArn);
      return alarm && { state: alarm.state.value, actionsEnabled: alarm.actionsEnabled };
    },
    holdMetrics(fromMs, untilMs) {
      held.push({ fromMs, untilMs });
    },
    reset() {
      held.length = 0;
      engine.reset();
      store.clear();
      tags.clear();
      dashboards.clear();
    },
  };
}
