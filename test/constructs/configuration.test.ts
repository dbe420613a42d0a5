import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, Stack } from "aws-cdk-lib";
import { describe, expect, it } from "vitest";
import { ConfigurationError, loadConfiguration } from "../../lib/constructs/sample/configuration.ts";
import "./support.ts";

const EMPTY = { dev: {}, staging: {}, prod: {} };

function fileWith(content: unknown): string {
  const path = join(mkdtempSync(join(tmpdir(), "goaround-config-")), "config.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

const load = (content: unknown, context: Record<string, unknown> = {}) =>
  loadConfiguration({ ...context, config: fileWith(content) });

function problemsOf(content: unknown, context: Record<string, unknown> = {}): string[] {
  try {
    load(content, context);
  } catch (error) {
    if (error instanceof ConfigurationError)
      return error.problems.map((problem) => problem.replace(/^\S+config\.json: /, ""));
    throw error;
  }
  return [];
}

const strategyOf = (content: unknown, context: Record<string, unknown> = {}) =>
  load(content, context).functions.lambda_router.strategy.configuration(new Stack(new App(), "S"));

describe("configuration", () => {
  it("ships settings for dev, staging and prod, dev by default", () => {
    expect(loadConfiguration({}).environment).toBe("dev");
    for (const env of ["dev", "staging", "prod"]) expect(loadConfiguration({ env }).environment).toBe(env);
    expect(loadConfiguration({ env: "prod" }).protectLedger).toBe(true);
  });

  it("has the documented defaults when the file says nothing", () => {
    const configuration = load({ environments: EMPTY });
    expect(configuration).toMatchObject({
      releasesAtOnce: 25,
      guardMinutes: 1440,
      automaticRollback: true,
      protectLedger: false,
      notificationEmail: undefined,
      functions: {
        lambda_router: {
          ...{ errorThresholdPercent: 5, durationThresholdMs: 10_000, p99ThresholdMs: 5000, blockers: [] },
          rollbackStepSeconds: undefined,
        },
      },
    });
    expect(strategyOf({ environments: EMPTY })).toBe("CodeDeployDefault.LambdaCanary10Percent5Minutes");
  });

  it("takes rolling groups as rows of functions, each in one row and of that group only", () => {
    const rows = { core: ["timeseries_query_processor", "lambda_router", "influxdb_loader"] };
    const { functions } = load({ defaults: { rollingGroups: rows }, environments: EMPTY });
    const place = ({ releaseGroup, releaseAfter }: (typeof functions)["lambda_router"]) => [releaseGroup, releaseAfter];
    expect(place(functions.timeseries_query_processor)).toEqual(["core", undefined]);
    expect(place(functions.lambda_router)).toEqual(["core", "timeseries_query_processor"]);
    expect(place(functions.influxdb_loader)).toEqual(["core", "lambda_router"]);
    expect(place(functions.rag_query_processor)).toEqual([undefined, undefined]);
    const twice = { core: ["lambda_router", "influxdb_loader"], more: ["rag_query_processor", "lambda_router"] };
    expect(() => load({ defaults: { rollingGroups: twice }, environments: EMPTY })).toThrow("has a function twice");
    expect(() => load({ defaults: { rollingGroups: rows, releaseGroup: "all" }, environments: EMPTY })).toThrow(
      'rollingGroups.core: lambda_router is of releaseGroup "all"',
    );
  });

  it("takes a readiness for all functions, and what a function writes and reads of that function alone", () => {
    const compatibility = { schemas: { orders: { writes: 4, reads: [3, 4] } } };
    const { functions } = load({
      defaults: { minimumReadiness: 60, functions: { influxdb_loader: { compatibility } } },
      environments: EMPTY,
    });
    expect(functions.lambda_router).toMatchObject({ minimumReadiness: 60, compatibility: undefined });
    expect(functions.influxdb_loader).toMatchObject({ minimumReadiness: 60, compatibility });
    expect(() => load({ defaults: { minimumReadiness: 101 }, environments: EMPTY })).toThrow("minimumReadiness");
    expect(() => load({ defaults: { compatibility }, environments: EMPTY })).toThrow("compatibility");
    const wrong = { schemas: { orders: { reads: ["4"] } } };
    const wrongly = { defaults: { functions: { influxdb_loader: { compatibility: wrong } } }, environments: EMPTY };
    expect(() => load(wrongly)).toThrow("functions.influxdb_loader.compatibility.schemas.orders.reads.0");
  });

  it("has a rollback taken in steps where a setting says so, no faster than the policy allows", () => {
    const { functions } = load({ defaults: { rollbackStepSeconds: 30 }, environments: EMPTY });
    expect(functions.lambda_router.rollbackStepSeconds).toBe(30);
    expect(() => load({ defaults: { rollbackStepSeconds: 4 }, environments: EMPTY })).toThrow("rollbackStepSeconds");
  });

  it("lets the environment override the defaults, and a function its environment", () => {
    const content = {
      defaults: { errorThresholdPercent: 4, functions: { lambda_router: { durationThresholdMs: 900 } } },
      environments: {
        ...EMPTY,
        dev: {
          errorThresholdPercent: 3,
          functions: { influxdb_loader: { errorThresholdPercent: 2, blockers: ["db"] } },
        },
      },
    };
    const { functions } = load(content);
    expect(functions.lambda_router).toMatchObject({ errorThresholdPercent: 3, durationThresholdMs: 900 });
    expect(functions.influxdb_loader).toMatchObject({ errorThresholdPercent: 2, blockers: ["db"] });
    expect(load(content, { env: "prod" }).functions.lambda_router.errorThresholdPercent).toBe(4);
  });

  it("takes the traffic that a function expects, and shipped it is declared", () => {
    const defaults = {
      expectedRequestsPerSecond: 3,
      functions: { rag_query_processor: { expectedRequestsPerSecond: 0.2 } },
    };
    const { functions } = load({ defaults, environments: EMPTY });
    expect(functions.lambda_router.expectedRequestsPerSecond).toBe(3);
    expect(functions.rag_query_processor.expectedRequestsPerSecond).toBe(0.2);
    expect(load({ environments: EMPTY }).functions.lambda_router.expectedRequestsPerSecond).toBeUndefined();
    expect(loadConfiguration({}).functions.influxdb_loader.expectedRequestsPerSecond).toBeGreaterThan(0);
    const context = { expected_requests_per_second: "40" };
    expect(load({ environments: EMPTY }, context).functions.lambda_router.expectedRequestsPerSecond).toBe(40);
    expect(problemsOf({ environments: EMPTY }, { expected_requests_per_second: "few" })).toEqual([
      expect.stringMatching(/^context expected_requests_per_second: is "few"/),
    ]);
  });

  it("hands the judge's settings and triggers to a function, its own in place of its environment's", () => {
    const metrics = [{ name: "orders", namespace: "Shop", metric: "Orders" }];
    const own = [{ name: "few-orders", expression: "orders < 0.8 * baseline", severity: "critical" }];
    const defaults = {
      falseRollbackPercent: 2,
      onTrafficDeficit: "rollback",
      triggers: [{ name: "slow", expression: "p99_response_time > 2000", severity: "warning" }],
      functions: { lambda_router: { metrics, triggers: own, minErrorExcessPercent: 0.5 } },
    };
    const { functions } = load({ defaults, environments: EMPTY });
    expect(functions.influxdb_loader).toMatchObject({
      checks: { falseRollbackPercent: 2, onTrafficDeficit: "rollback" },
      triggers: [{ name: "slow", delaySeconds: 60 }],
    });
    expect(functions.lambda_router).toMatchObject({ checks: { minErrorExcessPercent: 0.5 }, metrics, triggers: own });
  });

  it("tells the position of every wrong expression, once", () => {
    const triggers = [
      { name: "typing-error", expression: "error_rat > 5%", severity: "critical" },
      { name: "not-declared", expression: "orders < 3", severity: "warning" },
    ];
    expect(problemsOf({ defaults: { triggers }, environments: EMPTY })).toEqual([
      expect.stringMatching(/^trigger typing-error: "error_rat > 5%", position 1: .*did you mean error_rate/),
      expect.stringMatching(/^trigger not-declared: "orders < 3", position 1: /),
    ]);
  });

  it("lets the command line override the file", () => {
    const context = {
      deployment_error_threshold: "7",
      deployment_duration_threshold: "1500",
      deployment_notification_email: "ops@example.com",
      deployment_config_name: "CodeDeployDefault.LambdaAllAtOnce",
      releases_at_once: "0",
      flag_monitors: "a,b",
    };
    const configuration = load({ environments: EMPTY }, context);
    expect(configuration).toMatchObject({
      notificationEmail: "ops@example.com",
      releasesAtOnce: 0,
      flagMonitors: ["a", "b"],
      functions: { lambda_router: { errorThresholdPercent: 7, durationThresholdMs: 1500 } },
    });
    expect(strategyOf({ environments: EMPTY }, context)).toBe("CodeDeployDefault.LambdaAllAtOnce");
  });

  it("takes a strategy in place of the default's configuration name", () => {
    const content = {
      defaults: { deploymentConfigName: "CodeDeployDefault.LambdaAllAtOnce" },
      environments: { ...EMPTY, dev: { strategy: { kind: "linear", percentage: 10, everyMinutes: 2 } } },
    };
    expect(strategyOf(content)).toBe("CodeDeployDefault.LambdaLinear10PercentEvery2Minutes");
  });

  it.each([
    { text: "linear:10:2", name: "CodeDeployDefault.LambdaLinear10PercentEvery2Minutes" },
    { text: "canary:10:15", name: "CodeDeployDefault.LambdaCanary10Percent15Minutes" },
    { text: "all-at-once", name: "CodeDeployDefault.LambdaAllAtOnce" },
  ])("reads the strategy $text from the command line", ({ text, name }) => {
    expect(strategyOf({ environments: EMPTY }, { strategy: text })).toBe(name);
  });

  it("refuses two strategies on the command line", () => {
    const context = { strategy: "all-at-once", deployment_config_name: "CodeDeployDefault.LambdaAllAtOnce" };
    expect(() => load({ environments: EMPTY }, context)).toThrow(/context has both strategy and deploymentConfigName/);
  });

  it("passes a release's text on to its function alone", () => {
    const { functions } = load({ environments: EMPTY }, { "release:lambda_router": "bad-2" });
    expect(functions.lambda_router.release).toBe("bad-2");
    const byWholeName = load({ environments: EMPTY }, { "release:platform-dev-lambda_router": "bad-2" });
    expect(byWholeName.functions).toEqual(functions);
    expect(functions.influxdb_loader.release).toBeUndefined();
  });

  it("lists all problems of file and context at once, each with its place", () => {
    const content = {
      defaults: { errorThresholdPercent: 0, notificationEmail: "nobody", colour: "red" },
      environments: {
        ...EMPTY,
        dev: { strategy: { kind: "canary", percentage: 100, minutes: 5 }, logRetentionDays: 8 },
      },
    };
    const problems = problemsOf(content, { env: "qa", "release:router": "1", deployment_error_threshold: "many" });
    const expected = [
      /^context env: is "qa"; give one of dev, staging, prod/,
      /^defaults\.errorThresholdPercent: /,
      /^defaults\.notificationEmail: /,
      /^defaults: Unrecognized key: "colour"/,
      /^environments\.dev\.strategy: canary strategy: percentage is 100/,
      /^environments\.dev\.logRetentionDays: must be one of 1, 3, 5/,
      /^context deployment_error_threshold: is "many"/,
      /^context release:router: there is no function "router"; give one of lambda_router/,
    ];
    for (const pattern of expected) expect(problems).toContainEqual(expect.stringMatching(pattern));
    expect(problems).toHaveLength(expected.length);
  });

  it("refuses both forms of a strategy side by side", () => {
    const both = { strategy: { kind: "all-at-once" }, deploymentConfigName: "X" };
    expect(problemsOf({ environments: { ...EMPTY, prod: { functions: { influxdb_loader: both } } } })).toEqual([
      "environments.prod.functions.influxdb_loader has both strategy and deploymentConfigName; keep one",
    ]);
  });

  it("asks for all three environments", () => {
    expect(problemsOf({ environments: { dev: {} } }).join()).toMatch(/environments\.staging.*environments\.prod/);
  });

  it("says which file is missing or no JSON", () => {
    expect(() => loadConfiguration({ config: "nowhere.json" })).toThrow("nowhere.json: there is no such file");
    expect(problemsOf("{")).toEqual([expect.stringMatching(/is not JSON/)]);
  });
});
