import { describe, expect, it } from "vitest";
import { anAccount, bytes, flags, SECOND, text } from "./account.ts";

type Problem = { Constraint: string; Location: string };
const problemsOf = async (work: Promise<unknown>): Promise<{ code: string; reason: unknown; problems: Problem[] }> => {
  const error = await work.then(
    () => {
      throw new Error("was not refused");
    },
    (reason) => reason,
  );
  return {
    code: error.code,
    reason: error.members.Reason,
    problems: error.members.Details?.InvalidConfiguration ?? [],
  };
};

describe("feature-flag documents", () => {
  it("are refused with every problem and its place", async () => {
    const account = await anAccount();
    const result = await problemsOf(
      account.createVersion({
        version: "2",
        flags: { Search: { name: "x" } },
        values: { search: { enabled: "yes" } },
      }),
    );
    expect(result).toMatchObject({ code: "BadRequestException", reason: "InvalidConfiguration" });
    expect(result.problems.map((problem) => problem.Location)).toEqual(
      expect.arrayContaining(["version", "flags.Search", "values.search.enabled"]),
    );
  });

  it("that are not JSON are malformed", async () => {
    const account = await anAccount();
    await expect(account.createVersion("{")).rejects.toMatchObject({
      message: "Error invoking extension AppConfig Feature Flags Helper: Malformed 'Content' provided",
    });
  });

  it.each([
    ["a value without definition", { limit: 5 }, {}, "DefinedAttribute"],
    [
      "a required value that is missing",
      {},
      { limit: { constraints: { type: "number", required: true } } },
      "Required",
    ],
    ["a value of another type", { limit: "5" }, { limit: { constraints: { type: "number" } } }, "AttributeConstraint"],
    [
      "a number over the maximum",
      { limit: 5 },
      { limit: { constraints: { type: "number", maximum: 4 } } },
      "AttributeConstraint",
    ],
    [
      "a text that is not in the list",
      { mode: "slow" },
      { mode: { constraints: { type: "string", enum: ["fast"] } } },
      "AttributeConstraint",
    ],
    [
      "an element that does not match",
      { tags: ["a", "B"] },
      { tags: { constraints: { type: "array", elements: { type: "string", pattern: "^[a-z]$" } } } },
      "AttributeConstraint",
    ],
  ])("with %s are refused", async (_, value, attributes, constraint) => {
    const account = await anAccount();
    const document = flags({ search: { enabled: true, ...value } }, { search: { name: "search", attributes } });
    const { problems } = await problemsOf(account.createVersion(document));
    expect(problems.map((problem) => problem.Constraint)).toEqual([constraint]);
  });

  it("need a default variant without a rule", async () => {
    const account = await anAccount();
    const variants = [{ name: "a", enabled: true, rule: '(eq $x "y")' }];
    const { problems } = await problemsOf(account.createVersion(flags({ search: { _variants: variants } })));
    expect(problems.map((problem) => problem.Location)).toEqual(["values.search._variants.0.rule"]);
  });

  it("are stored with the times of creation and last change", async () => {
    const account = await anAccount();
    await account.createVersion(flags({ search: { enabled: false }, cart: { enabled: true } }));
    await account.clock.advanceBy(60 * SECOND);
    await account.createVersion(flags({ search: { enabled: true }, cart: { enabled: true } }));
    const { Content } = await account.call<{ Content: Uint8Array }>("GetHostedConfigurationVersion", {
      ...account.ids,
      VersionNumber: 2,
    });
    expect(JSON.parse(text(Content)).values).toEqual({
      search: { enabled: true, _createdAt: "2026-01-05T12:00:00.000Z", _updatedAt: "2026-01-05T12:01:00.000Z" },
      cart: { enabled: true, _createdAt: "2026-01-05T12:00:00.000Z", _updatedAt: "2026-01-05T12:00:00.000Z" },
    });
  });

  it("are served flat, with attributes only while the flag is on", async () => {
    const account = await anAccount();
    const definition = { attributes: { limit: { constraints: { type: "number" } } } };
    await account.deploy(
      flags(
        {
          on: { enabled: true, limit: 5 },
          off: { enabled: false, limit: 5 },
          split: { _variants: [{ name: "d", enabled: true }] },
        },
        { on: definition, off: definition },
      ),
    );
    const { Configuration } = await account.poll(await account.session());
    expect(JSON.parse(text(Configuration))).toEqual({
      on: { enabled: true, limit: 5 },
      off: { enabled: false },
      split: { enabled: true, _variant: "d" },
    });
  });
});

describe("hosted versions", () => {
  const document = flags({ search: { enabled: true } });

  it("count up and carry their metadata in the output", async () => {
    const account = await anAccount();
    await account.createVersion(document);
    const output = await account.call("CreateHostedConfigurationVersion", {
      ...account.ids,
      Content: bytes(document),
      ContentType: "application/json",
      Description: "second",
      VersionLabel: "v2",
    });
    expect(output).toMatchObject({
      VersionNumber: 2,
      ContentType: "application/json",
      Description: "second",
      VersionLabel: "v2",
    });
  });

  it("are locked by the latest version number", async () => {
    const account = await anAccount();
    await account.createVersion(document);
    await account.createVersion(document, { LatestVersionNumber: 1 });
    await expect(account.createVersion(document, { LatestVersionNumber: 1 })).rejects.toMatchObject({
      code: "ConflictException",
      status: 409,
    });
  });

  it("never use a number twice", async () => {
    const account = await anAccount();
    await account.createVersion(document);
    await account.call("DeleteHostedConfigurationVersion", { ...account.ids, VersionNumber: 1 });
    expect(await account.createVersion(document)).toBe(2);
  });

  it("over the limit are refused with their size", async () => {
    const account = await anAccount();
    await expect(account.createVersion("x".repeat(1024 * 1024 + 1))).rejects.toMatchObject({
      code: "PayloadTooLargeException",
      status: 413,
      members: { Measure: "KILOBYTES", Limit: 1024, Size: 1025 },
    });
  });

  it("can be deployed by their label", async () => {
    const account = await anAccount();
    await account.createVersion(document, { VersionLabel: "good" });
    expect(await account.start("good")).toMatchObject({ ConfigurationVersion: "1", VersionLabel: "good" });
  });

  it("keep their profile from being deleted", async () => {
    const account = await anAccount();
    await account.createVersion(document);
    await expect(account.call("DeleteConfigurationProfile", account.ids)).rejects.toMatchObject({
      code: "BadRequestException",
      message: `Cannot delete configuration profile ${account.ids.ConfigurationProfileId} because there are still hosted configuration versions existing under it.`,
    });
  });
});

describe("validators", () => {
  const FUNCTION = "arn:aws:lambda:us-east-1:111122223333:function:validator";
  const document = flags({ search: { enabled: true } });

  it("of type LAMBDA get the content, and refuse it by failing", async () => {
    const account = await anAccount({ profile: { Validators: [{ Type: "LAMBDA", Content: FUNCTION }] } });
    const version = await account.createVersion(document);
    await account.start(version);
    const [invocation] = account.lambda.invocations;
    expect(invocation).toMatchObject({
      functionName: FUNCTION,
      type: "RequestResponse",
      principal: { arn: "appconfig.amazonaws.com", kind: "service" },
      payload: {
        applicationId: account.ids.ApplicationId,
        configurationProfileId: account.ids.ConfigurationProfileId,
        configurationVersion: "1",
        uri: "hosted",
      },
    });
    const content = Buffer.from(invocation?.payload.content ?? "", "base64").toString();
    expect(JSON.parse(content).values.search.enabled).toBe(true);
    account.lambda.onInvoke = () => ({ FunctionError: "Unhandled" });
    await expect(account.start(version)).rejects.toMatchObject({ code: "BadRequestException" });
    await expect(
      account.call("ValidateConfiguration", { ...account.ids, ConfigurationVersion: "1" }),
    ).rejects.toMatchObject({ code: "BadRequestException" });
  });

  it("of type JSON_SCHEMA are draft 4 and name the place", async () => {
    const schema = {
      $schema: "http://json-schema.org/draft-04/schema#",
      type: "object",
      properties: { percent: { type: "number", maximum: 100, exclusiveMaximum: true } },
      required: ["percent"],
    };
    const account = await anAccount({
      profile: {
        Name: "free",
        Type: "AWS.Freeform",
        Validators: [{ Type: "JSON_SCHEMA", Content: JSON.stringify(schema) }],
      },
    });
    await account.createVersion({ percent: 99 });
    await account.createVersion({ percent: 100 });
    await expect(account.start(1)).resolves.toMatchObject({ State: "COMPLETE" });
    const { problems } = await problemsOf(account.start(2));
    expect(problems).toMatchObject([{ Location: "/percent" }]);
  });

  it("do not leave the environment occupied when they refuse", async () => {
    const account = await anAccount({ profile: { Validators: [{ Type: "LAMBDA", Content: FUNCTION }] } });
    const version = await account.createVersion(document);
    account.lambda.onInvoke = () => ({ FunctionError: "Unhandled" });
    await account.start(version).catch(() => undefined);
    account.lambda.onInvoke = () => undefined;
    expect(await account.start(version)).toMatchObject({ DeploymentNumber: 1 });
  });
});
