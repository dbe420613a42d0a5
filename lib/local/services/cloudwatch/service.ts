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
}

/** CloudWatch: metrics, alarms, dashboards. Installs the link `recordMetric`. */
export function createCloudWatch(world: World): CloudWatchService {
  const store = new MetricStore();
  const engine = new AlarmEngine(world, store);
  const tags = new TagStore();
  const dashboards = createDashboards(world);
  world.install("recordMetric", (sample) => store.record(sample, world.clock.now()));

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
    reset() {
      engine.reset();
      store.clear();
      tags.clear();
      dashboards.clear();
    },
  };
}
