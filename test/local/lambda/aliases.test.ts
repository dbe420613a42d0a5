import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ARN, handler, LambdaBench, MINUTE } from "./fixtures.ts";

let bench: LambdaBench;
beforeEach(async () => {
  bench = new LambdaBench();
  await bench.release(2);
});
afterEach(() => bench.lambda.close?.());

const update = (input: Record<string, unknown>) =>
  bench.call("UpdateAlias", { FunctionName: "fn", Name: "live", ...input });
const create = (input: Record<string, unknown>) =>
  bench.call("CreateAlias", { FunctionName: "fn", Name: "new", FunctionVersion: "1", ...input });
const weights = (map: Record<string, number>) => ({ RoutingConfig: { AdditionalVersionWeights: map } });

describe("an alias", () => {
  it("has no RoutingConfig until it has weights, and none again when they are cleared", async () => {
    const plain = { AliasArn: `${ARN}:live`, Name: "live", FunctionVersion: "1", Description: "" };
    const get = async () => {
      const { RevisionId, ...alias } = await bench.call("GetAlias", { FunctionName: "fn", Name: "live" });
      expect(RevisionId).toMatch(/^[0-9a-f-]{36}$/);
      return alias;
    };
    expect(await get()).toEqual(plain);
    await update(weights({ 2: 0.1 }));
    expect(await get()).toEqual({ ...plain, ...weights({ 2: 0.1 }) });
    await update({ Description: "unchanged routing" });
    expect(await get()).toMatchObject(weights({ 2: 0.1 }));
    await update({ ...weights({}), Description: "" });
    expect(await get()).toEqual(plain);
    await update(weights({ 2: 1 }));
    expect(await get()).toMatchObject(weights({ 2: 1 }));
    await update({ RoutingConfig: {}, FunctionVersion: "2" });
    expect(await get()).toEqual({ ...plain, FunctionVersion: "2" });
  });

  it("changes its revision with every update and refuses a stale one", async () => {
    const before = await bench.call("GetAlias", { FunctionName: "fn", Name: "live" });
    const after = await update({ FunctionVersion: "2", RevisionId: before.RevisionId });
    expect(after.RevisionId).not.toBe(before.RevisionId);
    await expect(update({ FunctionVersion: "1", RevisionId: before.RevisionId })).rejects.toMatchObject({
      code: "PreconditionFailedException",
      status: 412,
    });
    expect(await bench.call("GetAlias", { FunctionName: "fn", Name: "live" })).toEqual(after);
  });

  it("is announced with who changed it", async () => {
    await update(weights({ 2: 0.25 }));
    expect(bench.occurrences.at(-1)).toMatchObject({
      kind: "alias-updated",
      detail: {
        functionName: "fn",
        alias: "live",
        functionVersion: "1",
        weights: { 2: 0.25 },
        principal: "arn:aws:iam::111122223333:user/operator",
      },
    });
    expect(bench.lambda.getAliasState("fn", "live")).toMatchObject({ functionVersion: "1", weights: { 2: 0.25 } });
  });

  it.each([
    [weights({ 2: 0.1, 3: 0.1 }), "Number of items in AdditionalVersionWeights cannot be greater than 1"],
    [
      weights({ 1: 0.5 }),
      "Invalid function version 1. Function version 1 is already included in routing configuration.",
    ],
    [
      { ...weights({ 2: 0.5 }), FunctionVersion: "$LATEST" },
      "$LATEST is not supported for an alias pointing to more than 1 version",
    ],
    [
      weights({ 2: 2 }),
      "1 validation error detected: Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]",
    ],
    [
      weights({ $LATEST: 0.5 }),
      "1 validation error detected: Value '{$LATEST=0.5}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+, Member must not be null]",
    ],
    [{ FunctionVersion: "10" }, `Function not found: ${ARN}:10`],
    [weights({ 10: 0.5 }), `Function not found: ${ARN}:10`],
    [{ Name: "live" }, `Alias already exists: ${ARN}:live`],
    [{ FunctionName: "no" }, `Function not found: ${ARN.replace(/fn$/, "no")}:1`],
    [{ Name: "12" }, "Value '12' at 'name' failed to satisfy constraint"],
  ])("is not created with %j", async (input, message) => {
    await expect(create(input)).rejects.toThrow(message);
  });

  it("is not split over versions with different roles", async () => {
    await bench.call("UpdateFunctionConfiguration", {
      FunctionName: "fn",
      Role: "arn:aws:iam::111122223333:role/another",
    });
    await bench.call("PublishVersion", { FunctionName: "fn" });
    await expect(update(weights({ 3: 0.1 }))).rejects.toThrow(
      "Specified versions must be associated with the same execution role",
    );
  });

  it("that does not exist is reported in the words of each operation", async () => {
    const missing = { FunctionName: "fn", Name: "none" };
    await expect(bench.call("GetAlias", missing)).rejects.toThrow(`Cannot find alias arn: ${ARN}:none`);
    await expect(bench.call("UpdateAlias", missing)).rejects.toThrow(`Alias not found: ${ARN}:none`);
    await expect(bench.call("GetFunction", { FunctionName: "fn:none" })).rejects.toThrow(
      `Function not found: ${ARN}:none`,
    );
    expect(await bench.call("DeleteAlias", missing)).toEqual({});
  });

  it("is listed by name, or by version", async () => {
    await create({ Name: "another", FunctionVersion: "2" });
    const names = async (input: object) =>
      (await bench.call("ListAliases", { FunctionName: "fn", ...input })).Aliases.map(
        ({ Name }: { Name: string }) => Name,
      );
    expect(await names({})).toEqual(["another", "live"]);
    expect(await names({ FunctionVersion: "1" })).toEqual(["live"]);
  });

  it("draws versions by weight, anew for each invocation, and says which one ran", async () => {
    await update(weights({ 2: 0.5 }));
    const executed = new Set<unknown>();
    for (let index = 0; index < 20; index++) {
      const { ExecutedVersion, Payload } = await bench.invoke({ Qualifier: "live" });
      expect(String(Payload)).toBe(ExecutedVersion);
      executed.add(ExecutedVersion);
    }
    expect(executed).toEqual(new Set(["1", "2"]));
  });

  it("with a weight of 1.0 sends everything to the additional version", async () => {
    await update(weights({ 2: 1 }));
    expect((await bench.invoke({ Qualifier: "live" })).ExecutedVersion).toBe("2");
  });
});

describe("provisioned concurrency", () => {
  const put = (Qualifier: string) =>
    bench.call("PutProvisionedConcurrencyConfig", {
      FunctionName: "fn",
      Qualifier,
      ProvisionedConcurrentExecutions: 5,
    });
  const status = async () =>
    (await bench.call("GetProvisionedConcurrencyConfig", { FunctionName: "fn", Qualifier: "live" })).Status;

  it("gets ready after a while", async () => {
    expect(await put("live")).toMatchObject({ Status: "IN_PROGRESS", RequestedProvisionedConcurrentExecutions: 5 });
    await bench.clock.advanceBy(2 * MINUTE);
    expect(await status()).toBe("READY");
  });

  it("keeps traffic on the old version with a weight of 1.0 while the alias moves", async () => {
    await put("live");
    await bench.clock.advanceBy(2 * MINUTE);
    await update({ FunctionVersion: "2" });
    expect(bench.lambda.getAliasState("fn", "live")).toMatchObject({ functionVersion: "2", weights: { 1: 1 } });
    expect(await status()).toBe("IN_PROGRESS");
    await bench.clock.advanceBy(2 * MINUTE);
    expect(bench.lambda.getAliasState("fn", "live")).toMatchObject({ functionVersion: "2" });
    expect(bench.lambda.getAliasState("fn", "live")?.weights).toEqual({});
    expect(await status()).toBe("READY");
  });

  it("is refused on a weighted alias, on $LATEST and where there is none", async () => {
    await update(weights({ 2: 0.1 }));
    await expect(put("live")).rejects.toThrow("Alias with weights can not be used with Provisioned Concurrency");
    await expect(put("$LATEST")).rejects.toThrow("cannot be applied to unpublished function versions.");
    await expect(status()).rejects.toMatchObject({
      code: "ProvisionedConcurrencyConfigNotFoundException",
      status: 404,
    });
  });
});

it("publishing another version leaves warm environments of the old one alone", async () => {
  await bench.invoke({ Qualifier: "live" });
  const before = bench.logs.length;
  await bench.call("UpdateFunctionCode", { FunctionName: "fn", ZipFile: handler("return 3") });
  await bench.call("PublishVersion", { FunctionName: "fn" });
  await bench.invoke({ Qualifier: "live" });
  expect(bench.messages().slice(before).join()).not.toContain("Init Duration");
});
