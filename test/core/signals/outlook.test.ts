import { describe, expect, it } from "vitest";
import type { LogGroupState } from "../../../lib/core/operator-ports.ts";
import { forecastLog, type LogFacts } from "../../../lib/core/signals/outlook.ts";

const NOW = new Date("2026-03-02T12:00:00.000Z");
const hoursAgo = (hours: number) => new Date(NOW.getTime() - hours * 3_600_000);
const GROUP = "/aws/lambda/orders";

const group = (changes: Partial<LogGroupState> = {}): LogGroupState => ({
  logGroupClass: "STANDARD",
  createdAt: hoursAgo(1000),
  filters: [],
  newestEventAt: hoursAgo(3),
  isDeliverable: true,
  ...changes,
});

function facts(changes: Partial<LogFacts> = {}, of: LogGroupState | undefined = group()): LogFacts {
  return {
    functionName: "orders",
    signals: { source: "logs", logs: "during-release" },
    versions: [{ version: "2", logGroup: GROUP, logFormat: "JSON", systemLogLevel: "INFO" }],
    groups: { [GROUP]: { found: of } },
    ownFilterPrefix: "goaround-dev-",
    subscriber: "goaround-dev-signals",
    requests: { inSilence: 7200, perSecond: 1 },
    now: NOW,
    ...changes,
  };
}

const told = (changes: Partial<LogFacts>, of?: LogGroupState) => forecastLog(facts(changes, of));

describe("the log that the next release is to be judged by", () => {
  it("is nothing to tell of where it can be counted", () => expect(told({})).toEqual([]));

  it("is nothing to tell of where the policy says metrics, whatever is wrong with it", () => {
    const signals = { source: "metrics", logs: "during-release" } as const;
    expect(told({ signals, groups: { [GROUP]: { found: undefined } } })).toEqual([]);
  });

  it("is said to be missing where there is no log group", () => {
    const [forecast, ...rest] = told({ groups: { [GROUP]: { found: undefined } } });
    expect(rest).toEqual([]);
    expect(forecast).toMatchObject({ code: "log-not-counted", message: expect.stringContaining("does not exist") });
    expect(forecast!.message).toMatch(/^the next release would be judged by Lambda's metrics/);
  });

  it.each(["INFREQUENT_ACCESS", "DELIVERY"])("cannot be subscribed to in the class %s", (logGroupClass) => {
    expect(told({}, group({ logGroupClass }))).toMatchObject([
      { code: "log-not-counted", message: expect.stringContaining(logGroupClass) },
    ]);
  });

  it("cannot be subscribed to where others have both filters, which are named", () => {
    expect(told({}, group({ filters: ["siem", "search"] }))).toMatchObject([
      { code: "log-not-counted", message: expect.stringContaining("siem, search") },
    ]);
  });

  it("can be where one of the two filters is the guard's own: it goes, or is put again", () => {
    expect(told({}, group({ filters: ["siem", "goaround-dev-d-GONE"] }))).toEqual([]);
    expect(told({}, group({ filters: ["siem", "goaround-prod-always"] }))).toHaveLength(1);
  });

  it("cannot be counted where CloudWatch Logs may not call the signals Lambda", () => {
    expect(told({}, group({ isDeliverable: false }))).toMatchObject([
      { message: expect.stringContaining("goaround-dev-signals"), command: expect.stringContaining("get-policy") },
    ]);
  });

  it("tells of no request where the level WARN hides what ends one, in whichever version", () => {
    const versions = [
      { version: "2", logGroup: GROUP, logFormat: "Text", runtime: "nodejs22.x" },
      { version: "$LATEST", logGroup: GROUP, logFormat: "JSON", systemLogLevel: "WARN" },
    ];
    const found = told({ versions });
    expect(found).toMatchObject([{ message: expect.stringContaining("what would be published next") }]);
    expect(found[0]!.command).toContain("--qualifier '$LATEST'");
  });

  it.each(["java21", "dotnet8", "ruby3.3", "provided.al2023", undefined])(
    "hides what is thrown in text of the runtime %s, whose version would seem healthier than one that logs in JSON",
    (runtime) => {
      const versions = [
        { version: "2", logGroup: GROUP, logFormat: "Text", runtime },
        { version: "$LATEST", logGroup: GROUP, logFormat: "JSON", runtime },
      ];
      const found = told({ versions });
      expect(found).toMatchObject([
        { code: "log-not-counted", message: expect.stringContaining("version 2 logs text") },
      ]);
      expect(found[0]!.message).toContain(runtime ?? "image");
    },
  );

  it.each(["nodejs22.x", "python3.13"])("tells of errors in text of the runtime %s", (runtime) => {
    expect(told({ versions: [{ version: "2", logGroup: GROUP, logFormat: "Text", runtime }] })).toEqual([]);
  });

  it("is looked at in the groups of both versions", () => {
    const versions = [
      { version: "2", logGroup: GROUP, logFormat: "JSON", systemLogLevel: "INFO" },
      { version: "3", logGroup: "/elsewhere", logFormat: "JSON", systemLogLevel: "INFO" },
    ];
    const groups = { [GROUP]: { found: group() }, "/elsewhere": { found: undefined } };
    expect(told({ versions, groups })).toMatchObject([{ message: expect.stringContaining("/elsewhere") }]);
  });

  it("is silent where it holds nothing of requests that there were", () => {
    expect(told({}, group({ newestEventAt: hoursAgo(5) }))).toMatchObject([
      { message: expect.stringMatching(/nothing newer than 2026-03-02T07:00:00.000Z, although the alias had 7200/) },
    ]);
    expect(told({}, group({ newestEventAt: undefined }))).toHaveLength(1);
  });

  it("is not called silent where there were no requests, where they are unknown, or where the group is younger", () => {
    const silent = group({ newestEventAt: undefined });
    expect(told({ requests: { inSilence: 0, perSecond: 0 } }, silent)).toEqual([]);
    expect(told({ requests: undefined }, silent)).toEqual([]);
    expect(told({}, group({ newestEventAt: undefined, createdAt: hoursAgo(3) }))).toEqual([]);
  });

  it("is not accused where it could not be read", () => expect(told({ groups: {} })).toEqual([]));

  it("is said to be counted in part where there are more requests than the policy's limit", () => {
    const signals = { source: "logs", logs: "during-release", sampleAbovePerSecond: 100 } as const;
    expect(told({ signals, requests: { inSilence: 1, perSecond: 350 } })).toMatchObject([
      { code: "log-sampled", message: expect.stringContaining("of 4 requests one") },
    ]);
    expect(told({ signals, requests: { inSilence: 1, perSecond: 100 } })).toEqual([]);
  });
});
