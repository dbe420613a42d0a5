import { describe, expect, it } from "vitest";
import { countingFlags, noteRead } from "../../../lambdas/sample/flag-metrics.ts";

const CONTEXT = { functionName: "shop-cart", functionVersion: "7" };

async function linesOf(handler: () => Promise<unknown>) {
  const lines: string[] = [];
  const outcome = await countingFlags(handler, (line) => lines.push(line))({}, CONTEXT).catch((error: Error) => error);
  return { outcome, records: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe("the sample's flag counts", () => {
  it("tell version, flag, state and outcome of a request in the embedded metric format", async () => {
    const { records } = await linesOf(async () => noteRead("new_search", true));
    expect(records).toEqual([
      expect.objectContaining({
        FunctionName: "shop-cart",
        ExecutedVersion: "7",
        Flag: "new_search",
        State: "on",
        Requests: 1,
        Errors: 0,
      }),
    ]);
    expect(records[0]?._aws).toMatchObject({
      CloudWatchMetrics: [
        {
          Namespace: "Goaround/Flags",
          Dimensions: [["FunctionName", "ExecutedVersion", "Flag", "State"]],
          Metrics: [{ Name: "Requests" }, { Name: "Errors" }],
        },
      ],
    });
  });

  it("count a handler that throws and an answer of 500 as failed, and pass both on", async () => {
    const thrown = await linesOf(async () => {
      noteRead("new_search", false);
      throw new Error("no such index");
    });
    expect(thrown.outcome).toEqual(new Error("no such index"));
    expect(thrown.records).toMatchObject([{ State: "off", Errors: 1 }]);
    const answered = await linesOf(async () => {
      noteRead("new_search", true);
      return { statusCode: 503 };
    });
    expect(answered.outcome).toEqual({ statusCode: 503 });
    expect(answered.records).toMatchObject([{ State: "on", Errors: 1 }]);
  });

  it("write nothing for a request that reads no flag", async () => {
    expect((await linesOf(async () => "done")).records).toEqual([]);
  });

  it("count a request once for each flag, by the state that it saw first", async () => {
    const { records } = await linesOf(async () => {
      noteRead("new_search", true);
      noteRead("new_search", false);
      noteRead("bigger_cache", false);
    });
    expect(records).toMatchObject([
      { Flag: "new_search", State: "on" },
      { Flag: "bigger_cache", State: "off" },
    ]);
  });

  it("keep requests apart that are served at the same time", async () => {
    const lines: string[] = [];
    const handler = countingFlags(
      async (state: boolean) => {
        await Promise.resolve();
        noteRead("new_search", state);
      },
      (line) => lines.push(line),
    );
    await Promise.all([handler(true, CONTEXT), handler(false, CONTEXT)]);
    expect(lines.map((line) => (JSON.parse(line) as { State: string }).State).sort()).toEqual(["off", "on"]);
  });
});
