import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createWorld, type LocalAwsCore } from "../../lib/local/index.ts";

/**
 * Codes, statuses and texts of calls by hand, as LocalStack recorded them from AWS in its snapshots under
 * tests/aws/services; each block names file and tests. Rows marked "reported" come from public reports instead.
 */
let aws: LocalAwsCore;
beforeEach(() => {
  aws = createWorld({ startMs: Date.UTC(2026, 0, 1) });
});
afterEach(() => aws.close());

const call = <Output = Record<string, unknown>>(service: string, operation: string, input: object) =>
  aws.world.call<Output>(
    service,
    operation,
    input as Record<string, unknown>,
    aws.world.credentials.principalFor(undefined),
  );
const refused = (service: string, operation: string, input: object) =>
  call(service, operation, input).then(
    () => "succeeded",
    ({ code, status, message }) => ({ code, status, message }),
  );
const error = (code: string, message: string, status = 400) => ({ code, status, message });
const violation = (what: string, constraint: string) =>
  error(
    "ValidationError",
    `1 validation error detected: ${what} failed to satisfy constraint: Member must ${constraint}`,
  );

const statement = (changes: object) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole", ...changes }],
  });
const role = (changes: object = {}) => ({ RoleName: "r", AssumeRolePolicyDocument: statement({}), ...changes });

describe("IAM roles (iam/test_iam_roles, 2026-02)", () => {
  it.each([
    [role({ AssumeRolePolicyDocument: "{bad" }), error("MalformedPolicyDocument", "This policy contains invalid Json")],
    [
      role({ AssumeRolePolicyDocument: statement({ Action: "s3:GetObject" }) }),
      error("MalformedPolicyDocument", "AssumeRole policy may only specify STS AssumeRole actions."),
    ],
    [
      role({ AssumeRolePolicyDocument: statement({ Resource: "*" }) }),
      error("MalformedPolicyDocument", "Has prohibited field Resource"),
    ],
    [
      role({ AssumeRolePolicyDocument: statement({ Principal: undefined }) }),
      error("MalformedPolicyDocument", "Missing required field Principal"), // reported
    ],
    [
      role({ RoleName: "a".repeat(65) }),
      violation(`Value '${"a".repeat(65)}' at 'roleName'`, "have length less than or equal to 64"),
    ],
    [
      role({ RoleName: "a b" }), // reported
      error(
        "ValidationError",
        "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-",
      ),
    ],
    [
      role({ MaxSessionDuration: 1 }),
      violation("Value '1' at 'maxSessionDuration'", "have value greater than or equal to 3600"),
    ],
    [
      role({
        Tags: [
          { Key: "a", Value: "" },
          { Key: "A", Value: "" },
        ],
      }),
      error("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."),
    ],
    [
      role({ Tags: Array.from({ length: 51 }, (_, i) => ({ Key: `k${i}`, Value: "v" })) }),
      violation("Value at 'tags'", "have length less than or equal to 50"),
    ],
    [
      role({ Tags: [{ Key: "k".repeat(129), Value: "v" }] }),
      violation("Value at 'tags.1.member.key'", "have length less than or equal to 128"),
    ],
    [
      role({ Tags: [{ Key: "?", Value: "v" }] }),
      violation("Value at 'tags.1.member.key'", "satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+"),
    ],
  ])("are not made of %j", async (input, expected) => {
    expect(await refused("iam", "CreateRole", input)).toEqual(expected);
  });

  it("exist once, and policies on them need actions and resources and an ARN", async () => {
    await call("iam", "CreateRole", role());
    expect(await refused("iam", "CreateRole", role())).toEqual(
      error("EntityAlreadyExists", "Role with name r already exists.", 409),
    );
    expect(await refused("iam", "AttachRolePolicy", { RoleName: "r", PolicyArn: "name" })).toEqual(
      error("ValidationError", "ARN name is not valid."),
    );
    const put = (changes: object) =>
      refused("iam", "PutRolePolicy", {
        RoleName: "r",
        PolicyName: "p",
        PolicyDocument: statement({ Principal: undefined, ...changes }),
      });
    expect(await put({ Resource: "*" })).toBe("succeeded");
    expect(await put({})).toEqual(error("MalformedPolicyDocument", "Policy statement must contain resources.")); // reported
    expect(await put({ Action: undefined, Resource: "*" })).toEqual(
      error("MalformedPolicyDocument", "Policy statement must contain actions."), // reported
    );
  });

  it("are listed with their session length and without tags", async () => {
    await call("iam", "CreateRole", role({ Path: "/p/", Tags: [{ Key: "a", Value: "b" }] }));
    const { Roles } = await call<{ Roles: object[] }>("iam", "ListRoles", { PathPrefix: "/p/" });
    expect(Roles[0]).toMatchObject({ RoleName: "r", MaxSessionDuration: 3600 });
    expect(Roles[0]).not.toHaveProperty("Tags");
  });
});

describe("STS (sts/test_sts, 2025-07 and 2026-02)", () => {
  it.each([
    ["nothing-valid-in-here", "session", error("ValidationError", "nothing-valid-in-here is invalid")],
    ["arn::b:::something/test-role", "session", error("ValidationError", "arn::b:::something/test-role is invalid")],
    ["arn:a:a::aaaaaaaaaa:", "session", error("ValidationError", "arn:a:a::aaaaaaaaaa: is invalid")],
    [
      "arn:aws:iam::111122223333:role/r",
      "Session1:2",
      violation("Value 'Session1:2' at 'roleSessionName'", "satisfy regular expression pattern: [\\w+=,.@-]*"),
    ],
    [
      "arn:aws:iam::111122223333:role/r",
      "s".repeat(65),
      violation(`Value '${"s".repeat(65)}' at 'roleSessionName'`, "have length less than or equal to 64"),
    ],
    [
      "arn:aws:iam::111122223333:role/r",
      "s",
      violation("Value 's' at 'roleSessionName'", "have length greater than or equal to 2"),
    ],
  ])("does not assume %s as %s", async (RoleArn, RoleSessionName, expected) => {
    expect(await refused("sts", "AssumeRole", { RoleArn, RoleSessionName })).toEqual(expected);
  });
});

describe("CloudWatch (cloudwatch/test_cloudwatch, 2023; reported: units, dimensions)", () => {
  const datum = (changes: object) =>
    refused("cloudwatch", "PutMetricData", { Namespace: "n", MetricData: [{ MetricName: "m", Value: 1, ...changes }] });

  it("refuses unknown units and dimensions without a value", async () => {
    expect(await datum({ Unit: "Foo" })).toEqual(
      error(
        "InvalidParameterValueException",
        "The parameter MetricData.member.1.Unit must be a value in the set [ Seconds, Microseconds, Milliseconds, Bytes, Kilobytes, Megabytes, Gigabytes, Terabytes, Bits, Kilobits, Megabits, Gigabits, Terabits, Percent, Count, Bytes/Second, Kilobytes/Second, Megabytes/Second, Gigabytes/Second, Terabytes/Second, Bits/Second, Kilobits/Second, Megabits/Second, Gigabits/Second, Terabits/Second, Count/Second, None ].",
      ),
    );
    expect(await datum({ Dimensions: [{ Name: "d", Value: "" }] })).toEqual(
      error(
        "MissingRequiredParameterException",
        "The parameter MetricData.member.1.Dimensions.member.1.Value is required.",
      ),
    );
    expect(await datum({ StorageResolution: 7 })).toMatchObject({ code: "InvalidParameterValueException" });
    expect(await refused("cloudwatch", "PutMetricData", { Namespace: ":x", MetricData: [] })).toEqual(
      violation("Value ':x' at 'namespace'", "satisfy regular expression pattern: [^:].*"),
    );
  });

  it("says which metric of several an alarm watches, and knows its kinds of alarms and history", async () => {
    const metric = { Metric: { Namespace: "n", MetricName: "m" }, Period: 60, Stat: "Sum" };
    await call("cloudwatch", "PutMetricAlarm", {
      AlarmName: "a",
      ComparisonOperator: "GreaterThanThreshold",
      EvaluationPeriods: 1,
      Threshold: 1,
      Metrics: [
        { Id: "e", Expression: "m1 / 2" },
        { Id: "m1", MetricStat: metric, ReturnData: false },
      ],
    });
    const { MetricAlarms } = await call<{ MetricAlarms: { Metrics: { ReturnData: boolean }[] }[] }>(
      "cloudwatch",
      "DescribeAlarms",
      {},
    );
    expect(MetricAlarms[0]!.Metrics.map(({ ReturnData }) => ReturnData)).toEqual([true, false]);
    expect(await refused("cloudwatch", "DescribeAlarms", { AlarmTypes: ["Foo"] })).toMatchObject({
      code: "ValidationError",
    });
    expect(await refused("cloudwatch", "DescribeAlarmHistory", { HistoryItemType: "Foo" })).toMatchObject({
      code: "ValidationError",
    });
    const state = { AlarmName: "a", StateValue: "OK", StateReason: "r", StateReasonData: "{bad" };
    expect(await refused("cloudwatch", "SetAlarmState", state)).toMatchObject({
      code: "InvalidFormatFault",
      status: 400,
    });
  });
});

describe("CloudWatch Logs (logs/test_logs_groups, 2026-02)", () => {
  it("tells less about groups that are found by a pattern", async () => {
    await call("cloudwatch-logs", "CreateLogGroup", { logGroupName: "/g" });
    const find = async (input: object) =>
      (await call<{ logGroups: object[] }>("cloudwatch-logs", "DescribeLogGroups", input)).logGroups[0];
    expect(await find({ logGroupNamePrefix: "/g" })).toMatchObject({
      storedBytes: 0,
      deletionProtectionEnabled: false,
    });
    const found = await find({ logGroupNamePattern: "G" });
    expect(found).toMatchObject({ logGroupName: "/g", metricFilterCount: 0 });
    expect(found).not.toHaveProperty("storedBytes");
    expect(found).not.toHaveProperty("deletionProtectionEnabled");
  });

  it("refuses pages of more than fifty and requests without events", async () => {
    await call("cloudwatch-logs", "CreateLogGroup", { logGroupName: "/g" });
    await call("cloudwatch-logs", "CreateLogStream", { logGroupName: "/g", logStreamName: "s" });
    expect(await refused("cloudwatch-logs", "DescribeLogGroups", { limit: 51 })).toEqual(
      error(
        "InvalidParameterException",
        "1 validation error detected: Value '51' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 50",
      ),
    );
    expect(
      await refused("cloudwatch-logs", "PutLogEvents", { logGroupName: "/g", logStreamName: "s", logEvents: [] }),
    ).toMatchObject({
      code: "InvalidParameterException",
    });
  });
});
