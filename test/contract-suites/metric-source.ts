import { describe, expect, it } from "vitest";
import type { ReadMetrics } from "../../lib/adapters/metric-sources/index.ts";
import type { ForeignMetric } from "../../lib/contract/declared-metrics.ts";

/** What the source holds for version 2 over the window; version 1 always has 4. */
export type Held = number | "nothing" | "stale" | "two-series" | "text";
/** How the source fails. */
export type Failing = "error" | "no-answer" | "stalls" | "not-json" | "too-long" | "redirects";

/**
 * The scene: a metric named `refusals`, multiplied by ten, of `checkout:live`, by version, over a window of two minutes
 * that ends at 12:05 on 2026-03-02 (UTC). The source wants its secret.
 */
export interface MetricSourceScene {
  read: ReadMetrics;
  metric: ForeignMetric;
  hold(value: Held): void;
  fail(how: Failing): void;
  /** Takes the secret away. */
  forget(): void;
  /** Headers of the requests that came, and their addresses. */
  requests: { url: URL; headers: Record<string, string | string[] | undefined> }[];
}

const at = (time: string) => new Date(`2026-03-02T${time}.000Z`);
const window = {
  functionName: "checkout",
  alias: "live",
  since: at("12:00:00"),
  from: at("12:04:00"),
  to: at("12:05:00"),
};

export function describeMetricSource(name: string, makeScene: () => Promise<MetricSourceScene>): void {
  describe(`metric source: ${name}`, () => {
    const readOne = async (version: string, set: (scene: MetricSourceScene) => void) => {
      const scene = await makeScene();
      set(scene);
      return { scene, told: await scene.read([scene.metric], { ...window, version }) };
    };

    it("reads the value of the version that it is asked for", async () => {
      const { scene, told } = await readOne("2", ({ hold }) => hold(3));
      expect(told).toEqual({ values: { refusals: 30 }, unreadable: {} });
      expect(await scene.read([scene.metric], { ...window, version: "1" })).toEqual({
        values: { refusals: 40 },
        unreadable: {},
      });
    });

    it("tells zero from no data", async () => {
      expect((await readOne("2", ({ hold }) => hold(0))).told).toEqual({ values: { refusals: 0 }, unreadable: {} });
      expect((await readOne("2", ({ hold }) => hold("nothing"))).told).toEqual({ values: {}, unreadable: {} });
    });

    it("takes what is older than the window for no data", async () => {
      expect((await readOne("2", ({ hold }) => hold("stale"))).told).toEqual({ values: {}, unreadable: {} });
    });

    it.each<[Held, RegExp]>([
      ["two-series", /2 series|not a number/],
      ["text", /\+Inf|not a number|not one/],
    ])("does not make one number of %s", async (held, why) => {
      const { told } = await readOne("2", ({ hold }) => hold(held));
      expect(told.values).toEqual({});
      expect(told.unreadable.refusals).toMatch(why);
    });

    it.each<[Failing, RegExp]>([
      ["error", /answered 503: overloaded/],
      ["no-answer", /no answer in time/],
      ["stalls", /no answer in time/],
      ["not-json", /not JSON/],
      ["too-long", /more than 1000000 bytes/],
      ["redirects", /answered 302/],
    ])("says why it cannot be read: %s", async (how, why) => {
      const { told } = await readOne("2", ({ fail }) => fail(how));
      expect(told.values).toEqual({});
      expect(told.unreadable.refusals).toMatch(why);
    });

    it("shows who it is, and tells no secret when it fails", async () => {
      const { scene } = await readOne("2", ({ hold }) => hold(3));
      expect(JSON.stringify(scene.requests.map(({ headers }) => headers))).toContain("s3cr3t");
      const { told } = await readOne("2", ({ fail }) => fail("error"));
      expect(JSON.stringify(told)).not.toContain("s3cr3t");
    });

    it("asks nothing without its secret, and says so", async () => {
      const { scene, told } = await readOne("2", ({ forget }) => forget());
      expect(told.unreadable.refusals).toMatch(/secret/);
      expect(scene.requests).toEqual([]);
    });
  });
}
