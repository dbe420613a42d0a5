import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startLocalAws } from "../../../lib/local/index.ts";
import { loadScenario, ownApp, projectRoot } from "../../../scripts/rehearse/library.ts";
import { Rehearsal } from "../../../scripts/rehearse/run-scenario.ts";
import { PrometheusServer, withoutPrometheus } from "../../support/prometheus-server.ts";

const missing = withoutPrometheus();
if (missing) console.warn(`skipped, nothing is rehearsed with a real Prometheus: ${missing}`);

const START_MS = Date.parse("2026-03-02T12:00:00.000Z");
const QUARTER_MS = 15_000;
const CANARY = "3";

describe.skipIf(missing)("a release judged from a real Prometheus", () => {
  let server: PrometheusServer;
  let folder: string;
  beforeAll(async () => {
    server = await PrometheusServer.start();
    folder = mkdtempSync(join(tmpdir(), "goaround-app-"));
    const shipped = JSON.parse(readFileSync(join(projectRoot, "goaround.config.json"), "utf8")) as {
      defaults: Record<string, unknown>;
    };
    const query = 'sum(increase(orders_refused_total{version="{{version}}"}[{{seconds}}s]))';
    const metric = { name: "refused_orders", source: "prometheus", url: server.url, query };
    const trigger = { name: "refusals", expression: "refused_orders > 20", severity: "critical", delaySeconds: 0 };
    const defaults = { ...shipped.defaults, metrics: [metric], triggers: [trigger] };
    writeFileSync(join(folder, "goaround.config.json"), JSON.stringify({ ...shipped, defaults }));
    // What the shop would have told in two hours: only the canary refuses orders, and answers all requests well.
    const samples = (value: (i: number) => number) =>
      Array.from({ length: 480 }, (_, i) => ({ atMs: START_MS + i * QUARTER_MS, value: value(i) }));
    await server.write(
      ["1", "2", CANARY].map((version) => ({
        labels: { __name__: "orders_refused_total", version },
        samples: samples((i) => (version === CANARY ? 12 * i : 0)),
      })),
    );
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function rehearse() {
    const aws = await startLocalAws({ startMs: START_MS });
    try {
      const app = `cd "${folder}" && ${ownApp("bin/app")}`;
      const options = { seed: 1, deployWith: "api" as const, app, environment: "dev" };
      return await new Rehearsal(aws, loadScenario("healthy"), options).run();
    } finally {
      await aws.close();
    }
  }

  it("is rolled back for what only Prometheus knows; without the server it goes through, and says what was not seen", async () => {
    const judged = await rehearse();
    expect(judged).toMatchObject({ outcome: "rolled-back", alias: { functionVersion: "2", weights: {} } });
    expect(judged.findings).toContain("trigger-refusals");
    await server.stop();
    const blind = await rehearse();
    expect(blind).toMatchObject({ outcome: "promoted", alias: { functionVersion: CANARY, weights: {} } });
    expect(blind.findings).toContain("metric-unreadable");
    expect(blind.notifications).toHaveLength(1);
  }, 300_000);
});
