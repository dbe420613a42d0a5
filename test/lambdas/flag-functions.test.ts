import { beforeEach, describe, expect, it } from "vitest";
import {
  type CustomResourceAnswer,
  type CustomResourceRequest,
  createMergeFlags,
} from "../../lambdas/merge-flags/merge-flags.ts";
import { createValidateFlags } from "../../lambdas/validate-flags/validate-flags.ts";
import { recordKill } from "../../lib/core/release/killed-flags.ts";
import { deployedFlags } from "../fakes/flags.ts";
import { fakePorts } from "../fakes/index.ts";

const target = { applicationId: "app", environmentId: "env", profileId: "prof" };
const doc = (values: Record<string, boolean>) => ({
  version: "1",
  flags: Object.fromEntries(Object.keys(values).map((name) => [name, { name }])),
  values: Object.fromEntries(Object.entries(values).map(([name, enabled]) => [name, { enabled }])),
});
const context = { awsRequestId: "r", getRemainingTimeInMillis: () => 60_000 };
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

let ports: ReturnType<typeof fakePorts>;
beforeEach(() => {
  ports = fakePorts();
});

const kill = (...flags: string[]) => recordKill(ports, { target, flags, by: "respond", reason: "errors", version: 4 });

describe("merging on deploy", () => {
  const answers: CustomResourceAnswer[] = [];
  const created: Record<string, unknown>[] = [];
  let live: Record<string, unknown> | undefined;
  let deleted: unknown[] = [];

  async function deploy(definitions: Record<string, boolean>, more: Partial<CustomResourceRequest> = {}) {
    const handler = createMergeFlags({
      ledger: ports.ledger,
      clock: ports.clock,
      log,
      flags: {
        deployed: async () => live && deployedFlags(4, live),
        createVersion: async (_, document) => {
          created.push(document);
          return 5;
        },
      },
      deleteVersions: async (of) => void deleted.push(of),
      answer: async (_, body) => void answers.push(body),
    });
    await handler(
      {
        RequestType: "Update",
        ResponseURL: "http://answer",
        StackId: "stack",
        RequestId: "request",
        LogicalResourceId: "Values",
        ResourceProperties: {
          ApplicationId: "app",
          EnvironmentId: "env",
          ProfileId: "prof",
          Definitions: JSON.stringify(doc(definitions)),
        },
        ...more,
      },
      context,
    );
    return answers.at(-1)!;
  }
  beforeEach(() => {
    answers.length = 0;
    created.length = 0;
    deleted = [];
    live = doc({ a: true });
  });

  it("answers with the number of a new version that keeps live values", async () => {
    expect(await deploy({ a: false, b: false })).toMatchObject({
      Status: "SUCCESS",
      StackId: "stack",
      RequestId: "request",
      LogicalResourceId: "Values",
      Data: { Version: "5", Message: "new: b; stays on: a" },
    });
    expect(created).toEqual([doc({ a: true, b: false })]);
  });

  it("answers with the deployed version where nothing differs, and makes none", async () => {
    expect((await deploy({ a: false })).Data?.Version).toBe("4");
    expect(created).toEqual([]);
  });

  it("holds a killed flag off and says who killed it, when, why, and how it is released", async () => {
    await kill("a");
    const { Data } = await deploy({ a: true, b: false });
    expect(created).toEqual([doc({ a: false, b: false })]);
    expect(Data?.Message).toContain("killed, stays off: a");
    expect(Data?.Message).toMatch(/by respond \(errors\) and stays off until it is released: goaround flags release a/);
  });

  it("fails a deploy that changes flags in a freeze of them, and break-glass for all lets it through", async () => {
    const { environment } = ports.ledger;
    environment.freezes = [
      {
        ...{ id: "xmas", scope: "flags", functionName: undefined, timeZone: "UTC", reason: "shopping", by: "ann" },
        times: { from: "2020-01-01", until: undefined },
      },
    ];
    expect(await deploy({ a: false })).toMatchObject({ Status: "SUCCESS" });
    expect(await deploy({ a: false, b: true })).toMatchObject({
      Status: "FAILED",
      Reason: expect.stringMatching(/flags are frozen by xmas \(ann\): shopping.*break-glass --all --rules frozen/),
    });
    expect(created).toEqual([]);
    const at = ports.clock.now().toISOString();
    const until = new Date(ports.clock.now().getTime() + 3_600_000).toISOString();
    environment.breakGlass = [{ reason: "fix", by: "ann", at, until, functionName: undefined, rules: ["frozen"] }];
    expect(await deploy({ a: false, b: true })).toMatchObject({ Status: "SUCCESS" });
  });

  it("fails the deploy when the ledger cannot be read: what is live stays", async () => {
    ports.ledger.calls.fail("getEnvironment", new Error("no ledger"));
    expect(await deploy({ a: false, b: true })).toMatchObject({ Status: "FAILED", Reason: "no ledger" });
    expect(created).toEqual([]);
  });

  it("clears the profile when the stack goes", async () => {
    expect(await deploy({ a: false }, { RequestType: "Delete" })).toMatchObject({ Status: "SUCCESS" });
    expect(deleted).toEqual([target]);
  });
});

describe("the validator", () => {
  let emitted: string[] = [];
  const validate = (values: Record<string, boolean>, profileId = "prof") =>
    createValidateFlags({ ...ports, log, emit: (metric) => void emitted.push(metric) })(
      {
        applicationId: "app",
        configurationProfileId: profileId,
        configurationVersion: "5",
        content: Buffer.from(JSON.stringify(doc(values))).toString("base64"),
      },
      context,
    );
  beforeEach(async () => {
    emitted = [];
    await kill("a");
  });

  it("refuses a version in which a killed flag is on, and names the command that releases it", async () => {
    await expect(validate({ a: true, b: true })).rejects.toThrow(/a was switched off.*goaround flags release a/);
  });

  it("accepts one in which the killed flag is off, and killed flags of other profiles do not matter", async () => {
    await validate({ a: false, b: true });
    await validate({ a: true }, "other");
    expect(emitted).toEqual([]);
  });

  it("accepts a version in which every flag is off without asking the ledger", async () => {
    const asked = ports.ledger.calls.of("getEnvironment").length;
    await validate({ a: false, b: false });
    expect(ports.ledger.calls.of("getEnvironment").length).toBe(asked);
  });

  it("accepts and alarms when the ledger does not answer", async () => {
    ports.ledger.calls.fail("getEnvironment", new Error("no ledger"));
    await validate({ a: true });
    expect(emitted).toEqual(["unvalidatedFlags"]);
  });

  it("waits for a hanging ledger for two seconds", async () => {
    const startedMs = ports.clock.now().getTime();
    ports.ledger.calls.hang("getEnvironment");
    await validate({ a: true });
    expect(ports.clock.now().getTime() - startedMs).toBe(2000);
    expect(emitted).toEqual(["unvalidatedFlags"]);
  });
});
