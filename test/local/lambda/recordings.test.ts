import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ARN, LambdaBench } from "./fixtures.ts";

/**
 * Codes, statuses and texts as LocalStack recorded them from AWS (tests/aws/services/lambda_/test_lambda_api.snapshot.json,
 * recorded 2022-09 to 2024-03); each block names its test there.
 */
let bench: LambdaBench;
beforeEach(() => {
  bench = new LambdaBench();
});
afterEach(() => bench.lambda.close?.());

const NAME_PATTERN = (dots = "") =>
  `(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_${dots}]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?`;
const TAG_ERROR = "Tags on function aliases and versions are not supported. Please specify a function ARN.";
const violated = (value: string, path: string, constraint: string) =>
  `Value '${value}' at '${path}' failed to satisfy constraint: ${constraint}`;
const one = (...parts: Parameters<typeof violated>) => `1 validation error detected: ${violated(...parts)}`;

const refused = (work: Promise<unknown>) =>
  work.then(
    () => "succeeded",
    ({ code, status, message }) => ({ code, status, message }),
  );
const invalid = (message: string) => ({ code: "ValidationException", status: 400, message });
const wrong = (message: string) => ({ code: "InvalidParameterValueException", status: 400, message });
const missing = (message: string) => ({ code: "ResourceNotFoundException", status: 404, message });

describe("names of functions (test_function_arns, test_invalid_invoke)", () => {
  const long = "a".repeat(65);
  const longArn = `${ARN}${"a".repeat(100)}`;

  it.each([
    [
      "invalid:function:name",
      invalid(
        one(
          "invalid:function:name",
          "functionName",
          `Member must satisfy regular expression pattern: ${NAME_PATTERN()}`,
        ),
      ),
    ],
    [long, wrong(one(long, "functionName", "Member must have length less than or equal to 64"))],
    [longArn, invalid(one(longArn, "functionName", "Member must have length less than or equal to 140"))],
    [
      ARN.replace("us-east-1", "ap-southeast-1"),
      missing("Functions from 'ap-southeast-1' are not reachable in this region ('us-east-1')"),
    ],
    [ARN.replace("111122223333", "123400000000"), { code: "AccessDeniedException", status: 403, message: "" }],
  ])("cannot be %s", async (FunctionName, error) => {
    expect(await refused(bench.create("", { FunctionName }))).toEqual(error);
  });

  it("allow dots where functions are read or invoked, in the pattern's text", async () => {
    const FunctionName = "arn:aws:lambda:us-east-1:111122223333@function:myfn";
    const text = (dots?: string) =>
      invalid(
        one(FunctionName, "functionName", `Member must satisfy regular expression pattern: ${NAME_PATTERN(dots)}`),
      );
    expect(await refused(bench.call("Invoke", { FunctionName }))).toEqual(text("\\."));
    expect(await refused(bench.call("GetFunction", { FunctionName }))).toEqual(text("\\."));
    expect(await refused(bench.call("PublishVersion", { FunctionName }))).toEqual(text());
  });
});

describe("settings of functions (test_create_lambda_exceptions, test_update_lambda_exceptions)", () => {
  const role = "arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+";

  it.each([
    [{ Role: "r1" }, one("r1", "role", `Member must satisfy regular expression pattern: ${role}`)],
    [
      { Architectures: ["x86_64", "arm64"] },
      one("[x86_64, arm64]", "architectures", "Member must have length less than or equal to 1"),
    ],
    [
      { Architectures: ["X86_64"] },
      one(
        "[X86_64]",
        "architectures",
        "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]",
      ),
    ],
  ])("cannot be %j", async (overrides, message) => {
    expect(await refused(bench.create("", overrides))).toEqual(invalid(message));
  });

  it("are all named together when several are wrong", async () => {
    expect(await refused(bench.create("", { Timeout: 0, MemorySize: 1 }))).toEqual(
      invalid(
        `2 validation errors detected: ${violated("0", "timeout", "Member must have value greater than or equal to 1")}; ${violated("1", "memorySize", "Member must have value greater than or equal to 128")}`,
      ),
    );
  });

  it("keep the names of variables to letters, digits and underscores, and do not show them", async () => {
    expect(await refused(bench.create("", { Environment: { Variables: { "1a": "secret" } } }))).toEqual(
      invalid(
        "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+, Member must not be null]",
      ),
    );
  });

  it("are checked on update as well", async () => {
    await bench.create();
    expect(await refused(bench.call("UpdateFunctionConfiguration", { FunctionName: "fn", Role: "r1" }))).toEqual(
      invalid(one("r1", "role", `Member must satisfy regular expression pattern: ${role}`)),
    );
  });
});

describe("deletion (test_delete_on_nonexisting_version, test_ops_with_arn_qualifier_mismatch)", () => {
  it("of a version of no function names the function", async () => {
    expect(await refused(bench.call("DeleteFunction", { FunctionName: "fn", Qualifier: "1221" }))).toEqual(
      missing(`Function not found: ${ARN}`),
    );
  });

  it("of $LATEST is refused before the function is looked for", async () => {
    expect(
      await refused(bench.call("DeleteFunction", { FunctionName: `${ARN}:$LATEST`, Qualifier: "$LATEST" })),
    ).toEqual(wrong("$LATEST version cannot be deleted without deleting the function."));
  });
});

describe("revisions (test_function_revisions_version_and_alias, test_tag_lifecycle)", () => {
  const revision = async () => (await bench.call("GetFunction", { FunctionName: "fn" })).Configuration.RevisionId;

  it("of $LATEST change when a version is published and when tags change, not when an alias is made", async () => {
    await bench.create();
    const created = await revision();
    await bench.call("PublishVersion", { FunctionName: "fn", RevisionId: created });
    const published = await revision();
    expect(published).not.toBe(created);
    await bench.call("CreateAlias", { FunctionName: "fn", Name: "live", FunctionVersion: "1" });
    expect(await revision()).toBe(published);
    await bench.call("TagResource", { Resource: ARN, Tags: { a: "b" } });
    const tagged = await revision();
    expect(tagged).not.toBe(published);
    await bench.call("UntagResource", { Resource: ARN, TagKeys: ["a"] });
    expect(await revision()).not.toBe(tagged);
  });
});

describe("aliases (test_notfound_and_invalid_routingconfigs, test_alias_naming)", () => {
  it("may look like a date, not like a number", async () => {
    await bench.release();
    const alias = { FunctionName: "fn", FunctionVersion: "1" };
    expect(await bench.call("CreateAlias", { ...alias, Name: "2024-01-02" })).toMatchObject({ Name: "2024-01-02" });
    expect(await refused(bench.call("CreateAlias", { ...alias, Name: "2024" }))).toEqual(
      invalid(one("2024", "name", "Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)")),
    );
  });

  it("refuse weights on $LATEST without a Type member", async () => {
    await bench.release();
    const work = bench.call("CreateAlias", {
      FunctionName: "fn",
      Name: "x",
      FunctionVersion: "$LATEST",
      RoutingConfig: { AdditionalVersionWeights: { 1: 0.5 } },
    });
    await expect(work).rejects.toMatchObject({
      message: "$LATEST is not supported for an alias pointing to more than 1 version",
      members: { Type: null },
    });
  });
});

describe("lists (test_list_functions)", () => {
  it("of functions know no version but ALL", async () => {
    expect(await refused(bench.call("ListFunctions", { FunctionVersion: "invalid" }))).toEqual(
      invalid(one("invalid", "functionVersion", "Member must satisfy enum value set: [ALL]")),
    );
  });
});

describe("tags (test_tag_exceptions, test_tag_limits)", () => {
  beforeEach(() => bench.release());
  const tag = (Resource: string, Tags: Record<string, string> = { a: "b" }) =>
    refused(bench.call("TagResource", { Resource, Tags }));

  it("need the ARN of an existing function", async () => {
    expect(await tag("arn:aws:something")).toMatchObject({
      code: "ValidationException",
      message: expect.stringMatching(/^1 validation error detected: Value 'arn:aws:something' at 'resource' failed/),
    });
    expect(await tag(`${ARN}x`)).toEqual(missing(`Function not found: ${ARN}x`));
    expect(await tag(`${ARN}:1`)).toEqual(wrong(TAG_ERROR));
    expect(await refused(bench.call("ListTags", { Resource: `${ARN}:live` }))).toEqual(wrong(TAG_ERROR));
  });

  it("are at least one at a time and at most fifty in all", async () => {
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`${i}_key`, "v"]));
    expect(await tag(ARN, {})).toEqual(wrong("An error occurred and the request cannot be processed."));
    expect(await tag(ARN, many(51))).toEqual(wrong("Number of tags exceeds resource tag limit."));
    expect(await tag(ARN, many(50))).toBe("succeeded");
    expect(await tag(ARN, { more: "" })).toEqual(wrong("Number of tags exceeds resource tag limit."));
    expect(await refused(bench.call("UntagResource", { Resource: ARN, TagKeys: [] }))).toEqual(
      invalid(
        "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null",
      ),
    );
  });
});

describe("permissions (test_permission_exceptions)", () => {
  beforeEach(() => bench.release());
  const add = (input: Record<string, unknown>) =>
    refused(
      bench.call("AddPermission", {
        FunctionName: "fn",
        StatementId: "s3",
        Action: "lambda:InvokeFunction",
        Principal: "s3.amazonaws.com",
        ...input,
      }),
    );

  it.each([
    [
      { StatementId: "example.com" },
      invalid(one("example.com", "statementId", "Member must satisfy regular expression pattern: ([a-zA-Z0-9-_]+)")),
    ],
    [{ Qualifier: "$LATEST" }, wrong("We currently do not support adding policies for $LATEST.")],
    [
      { Principal: "invalid.nonaws.com" },
      wrong("The provided principal was invalid. Please check the principal and try again."),
    ],
    [{ FunctionName: "no" }, missing(`Function not found: ${ARN.replace(/fn$/, "no")}`)],
    [{ Qualifier: "no-alias" }, missing(`Cannot find alias arn: ${ARN}:no-alias`)],
    [{ Qualifier: "42" }, missing(`Function not found: ${ARN}:42`)],
    [
      { Qualifier: "invalid-qualifier-with-?-char" },
      invalid(
        one(
          "invalid-qualifier-with-?-char",
          "qualifier",
          "Member must satisfy regular expression pattern: (|[a-zA-Z0-9$_-]+)",
        ),
      ),
    ],
    [
      { Qualifier: "valid-with-$-but-doesnotexist" },
      missing(`Function not found: ${ARN}:valid-with-$-but-doesnotexist`),
    ],
  ])("are refused with %j", async (input, error) => {
    expect(await add(input)).toEqual(error);
  });

  it("are read and removed with texts of their own", async () => {
    const read = (input: object) => refused(bench.call("GetPolicy", { FunctionName: "fn", ...input }));
    const remove = (input: object) =>
      refused(bench.call("RemovePermission", { FunctionName: "fn", StatementId: "s", ...input }));
    expect(await read({ Qualifier: "42" })).toEqual(missing("The resource you requested does not exist."));
    expect(await remove({})).toEqual(missing("No policy is associated with the given resource."));
    expect(await remove({ FunctionName: "no" })).toEqual(missing(`No policy found for: ${ARN.replace(/fn$/, "no")}`));
    expect(await remove({ Qualifier: "no-alias" })).toEqual(missing(`Cannot find alias arn: ${ARN}:no-alias`));
  });
});
