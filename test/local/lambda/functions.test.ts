import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ARN, handler, LambdaBench, ROLE } from "./fixtures.ts";

let bench: LambdaBench;
beforeEach(() => {
  bench = new LambdaBench();
});
afterEach(() => bench.lambda.close?.());

describe("a function", () => {
  it("is answered as Pending and found Active, with the service's defaults", async () => {
    const created = await bench.create();
    expect(created).toMatchObject({
      FunctionArn: ARN,
      Version: "$LATEST",
      State: "Pending",
      StateReason: "The function is being created.",
      StateReasonCode: "Creating",
      Timeout: 3,
      MemorySize: 128,
      Description: "",
      PackageType: "Zip",
      Architectures: ["x86_64"],
      EphemeralStorage: { Size: 512 },
      TracingConfig: { Mode: "PassThrough" },
      SnapStart: { ApplyOn: "None", OptimizationStatus: "Off" },
      LoggingConfig: { LogFormat: "Text", LogGroup: "/aws/lambda/fn" },
      LastModified: "2026-03-01T12:00:00.000+0000",
    });
    expect(created).not.toHaveProperty("Environment");
    const { Configuration, Code } = await bench.call("GetFunction", { FunctionName: "fn" });
    expect(Configuration).toMatchObject({ State: "Active", LastUpdateStatus: "Successful" });
    expect(Configuration.RevisionId).not.toBe(created.RevisionId);
    expect(Code.RepositoryType).toBe("S3");
  });

  it("is not created twice", async () => {
    await bench.create();
    await expect(bench.create()).rejects.toMatchObject({
      code: "ResourceConflictException",
      status: 409,
      message: "Function already exist: fn",
    });
  });

  it("takes its code from S3", async () => {
    bench.world.install("readObject", (bucket, key) =>
      `${bucket}/${key}` === "b/k" ? handler("return 1") : undefined,
    );
    await bench.create("", { Code: { S3Bucket: "b", S3Key: "k" } });
    expect((await bench.invoke()).Payload).toBe(1);
    await expect(bench.create("", { FunctionName: "g", Code: { S3Bucket: "b", S3Key: "no" } })).rejects.toThrow(
      "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.",
    );
  });

  it.each([
    [
      { Code: { ZipFile: Buffer.from("no zip at all, but long enough") } },
      "InvalidParameterValueException",
      "Could not unzip",
    ],
    [{ Timeout: 901 }, "ValidationException", "Value '901' at 'timeout' failed to satisfy constraint"],
    [{ MemorySize: 64 }, "ValidationException", "Member must have value greater than or equal to 128"],
    [{ Runtime: "nodejs4.3" }, "InvalidParameterValueException", "Value nodejs4.3 at 'runtime'"],
    [{ Role: "fn-role" }, "ValidationException", "Value 'fn-role' at 'role'"],
    [
      { Environment: { Variables: { AWS_REGION: "x" } } },
      "InvalidParameterValueException",
      "Reserved keys used in this request: AWS_REGION",
    ],
    [
      { Environment: { Variables: { VALUE: "x".repeat(4096) } } },
      "InvalidParameterValueException",
      "exceeded the 4KB limit",
    ],
    [{ Handler: undefined }, "InvalidParameterValueException", "Handler is mandatory"],
  ])("refuses %j", async (overrides, code, message) => {
    await expect(bench.create("", overrides)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  it.each([
    "GetFunction",
    "GetFunctionConfiguration",
    "DeleteFunction",
    "Invoke",
    "PublishVersion",
    "ListVersionsByFunction",
    "ListAliases",
    "GetFunctionConcurrency",
  ])("that does not exist is reported by %s", async (operation) => {
    await expect(bench.call(operation, { FunctionName: "fn" })).rejects.toMatchObject({
      code: "ResourceNotFoundException",
      status: 404,
      message: `Function not found: ${ARN}`,
    });
  });

  it.each([
    ["fn", undefined, ARN],
    [ARN, undefined, ARN],
    ["111122223333:function:fn", undefined, ARN],
    ["fn:1", undefined, `${ARN}:1`],
    [`${ARN}:live`, undefined, `${ARN}:live`],
    ["fn", "$LATEST", `${ARN}:$LATEST`],
    ["fn:live", "live", `${ARN}:live`],
  ])("is found as %s with qualifier %s", async (FunctionName, Qualifier, arn) => {
    await bench.release();
    expect(await bench.call("GetFunctionConfiguration", { FunctionName, Qualifier })).toMatchObject({
      FunctionArn: arn,
    });
  });

  it("is not found in another region, nor under contradicting qualifiers", async () => {
    await bench.release();
    const other = ARN.replace("us-east-1", "eu-west-1");
    await expect(bench.call("GetFunction", { FunctionName: other })).rejects.toThrow(
      "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
    );
    await expect(bench.call("GetFunction", { FunctionName: "fn:1", Qualifier: "live" })).rejects.toThrow(
      "The derived qualifier from the function name does not match the specified qualifier.",
    );
  });

  it("keeps what an update does not name, and refuses a stale revision", async () => {
    await bench.create("", { Timeout: 10, Environment: { Variables: { AA: "1" } } });
    const updated = await bench.call("UpdateFunctionConfiguration", { FunctionName: "fn", MemorySize: 256 });
    expect(updated).toMatchObject({ LastUpdateStatus: "InProgress", State: "Active", Timeout: 10, MemorySize: 256 });
    await expect(
      bench.call("UpdateFunctionConfiguration", { FunctionName: "fn", RevisionId: "stale" }),
    ).rejects.toMatchObject({
      code: "PreconditionFailedException",
      status: 412,
      message:
        "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
    });
  });

  it("carries tags", async () => {
    await bench.create("", { Tags: { A: "a" } });
    await bench.call("TagResource", { Resource: ARN, Tags: { B: "b" } });
    await bench.call("UntagResource", { Resource: ARN, TagKeys: ["A", "none"] });
    expect(await bench.call("ListTags", { Resource: ARN })).toEqual({ Tags: { B: "b" } });
    expect((await bench.call("GetFunction", { FunctionName: "fn" })).Tags).toEqual({ B: "b" });
  });

  it.each(["CreateFunctionUrlConfig", "CreateEventSourceMapping"])("has no %s, and says so", async (operation) => {
    await expect(bench.call(operation)).rejects.toMatchObject({ status: 501 });
  });
});

describe("versions", () => {
  it("are numbered, and not published again without a change", async () => {
    await bench.create();
    const first = await bench.call("PublishVersion", { FunctionName: "fn", Description: "one" });
    expect(first).toMatchObject({ Version: "1", FunctionArn: `${ARN}:1`, Description: "one", State: "Active" });
    expect(await bench.call("PublishVersion", { FunctionName: "fn", Description: "two" })).toEqual(first);
    await bench.call("UpdateFunctionConfiguration", { FunctionName: "fn", Timeout: 3 });
    expect(await bench.call("PublishVersion", { FunctionName: "fn" })).toEqual(first);
    await bench.call("UpdateFunctionConfiguration", { FunctionName: "fn", Timeout: 4 });
    expect(await bench.call("PublishVersion", { FunctionName: "fn" })).toMatchObject({ Version: "2" });
  });

  it("never get a number again", async () => {
    await bench.release(2);
    await bench.call("DeleteFunction", { FunctionName: "fn", Qualifier: "2" });
    await bench.call("UpdateFunctionCode", { FunctionName: "fn", ZipFile: handler("return 3") });
    expect(await bench.call("PublishVersion", { FunctionName: "fn" })).toMatchObject({ Version: "3" });
  });

  it("are published with create and with an update of the code", async () => {
    expect(await bench.create("", { Publish: true })).toMatchObject({
      Version: "1",
      FunctionArn: ARN,
      State: "Pending",
    });
    const updated = await bench.call("UpdateFunctionCode", {
      FunctionName: "fn",
      ZipFile: handler("return 2"),
      Publish: true,
    });
    expect(updated).toMatchObject({ Version: "2", FunctionArn: `${ARN}:2` });
  });

  it("are guarded by code hash and revision", async () => {
    const { CodeSha256 } = await bench.create();
    await expect(bench.call("PublishVersion", { FunctionName: "fn", CodeSha256: "other" })).rejects.toThrow(
      `CodeSHA256 (other) is different from current CodeSHA256 in $LATEST (${CodeSha256}). Please try again with the CodeSHA256 in $LATEST.`,
    );
    await expect(bench.call("PublishVersion", { FunctionName: "fn", RevisionId: "old" })).rejects.toMatchObject({
      status: 412,
    });
  });

  it("keep their code and settings when $LATEST changes", async () => {
    await bench.release(2);
    await bench.call("UpdateFunctionConfiguration", { FunctionName: "fn", Timeout: 9 });
    expect((await bench.invoke({ Qualifier: "1" })).Payload).toBe(1);
    expect((await bench.invoke({ Qualifier: "2" })).Payload).toBe(2);
    expect(await bench.call("GetFunctionConfiguration", { FunctionName: "fn:2" })).toMatchObject({ Timeout: 3 });
  });

  it("are listed 50 a page, $LATEST first", async () => {
    await bench.create();
    for (let index = 1; index <= 55; index++) {
      await bench.call("UpdateFunctionConfiguration", { FunctionName: "fn", Description: `change ${index}` });
      await bench.call("PublishVersion", { FunctionName: "fn" });
    }
    const first = await bench.call("ListVersionsByFunction", { FunctionName: "fn", MaxItems: 1000 });
    expect(first.Versions).toHaveLength(50);
    expect(first.Versions[0]).toMatchObject({ Version: "$LATEST", FunctionArn: `${ARN}:$LATEST` });
    expect(first.Versions[0]).not.toHaveProperty("State");
    const rest = await bench.call("ListVersionsByFunction", { FunctionName: "fn", Marker: first.NextMarker });
    expect(rest.Versions.map(({ Version }: { Version: string }) => Version)).toEqual([
      "50",
      "51",
      "52",
      "53",
      "54",
      "55",
    ]);
    expect(rest.NextMarker).toBeUndefined();
  });

  it("that an alias needs are not deleted, and $LATEST never", async () => {
    await bench.release(2);
    await bench.call("UpdateAlias", {
      FunctionName: "fn",
      Name: "live",
      RoutingConfig: { AdditionalVersionWeights: { 2: 0.1 } },
    });
    for (const Qualifier of ["1", "2"]) {
      await expect(bench.call("DeleteFunction", { FunctionName: "fn", Qualifier })).rejects.toMatchObject({
        status: 409,
        message: "Unable to delete version because the following aliases reference it: [live]",
      });
    }
    await expect(bench.call("DeleteFunction", { FunctionName: "fn", Qualifier: "$LATEST" })).rejects.toThrow(
      "$LATEST version cannot be deleted without deleting the function.",
    );
  });
});

describe("policies", () => {
  it("are kept per qualifier and answer as the service does", async () => {
    await bench.release();
    const permission = {
      FunctionName: "fn",
      StatementId: "s3",
      Action: "lambda:InvokeFunction",
      Principal: "s3.amazonaws.com",
      SourceArn: "arn:aws:s3:::bucket",
    };
    const { Statement } = await bench.call("AddPermission", permission);
    const statement = {
      Sid: "s3",
      Effect: "Allow",
      Principal: { Service: "s3.amazonaws.com" },
      Action: "lambda:InvokeFunction",
      Resource: ARN,
      Condition: { ArnLike: { "AWS:SourceArn": "arn:aws:s3:::bucket" } },
    };
    expect(JSON.parse(Statement)).toEqual(statement);
    const { Policy } = await bench.call("GetPolicy", { FunctionName: "fn" });
    expect(JSON.parse(Policy)).toEqual({ Version: "2012-10-17", Id: "default", Statement: [statement] });
    await expect(bench.call("AddPermission", permission)).rejects.toThrow(
      "The statement id (s3) provided already exists. Please provide a new statement id, or remove the existing statement.",
    );
    await expect(bench.call("GetPolicy", { FunctionName: "fn:live" })).rejects.toThrow(
      "The resource you requested does not exist.",
    );
    await expect(bench.call("RemovePermission", { FunctionName: "fn", StatementId: "no" })).rejects.toThrow(
      "Statement no is not found in resource policy.",
    );
    await bench.call("RemovePermission", { FunctionName: "fn", StatementId: "s3" });
    await expect(bench.call("GetPolicy", { FunctionName: "fn" })).rejects.toMatchObject({ status: 404 });
  });
});

describe("reserved concurrency", () => {
  it("is read back, and deleted", async () => {
    await bench.create();
    await bench.call("PutFunctionConcurrency", { FunctionName: "fn", ReservedConcurrentExecutions: 2 });
    expect(await bench.call("GetFunctionConcurrency", { FunctionName: "fn" })).toEqual({
      ReservedConcurrentExecutions: 2,
    });
    await bench.call("DeleteFunctionConcurrency", { FunctionName: "fn" });
    expect(await bench.call("GetFunctionConcurrency", { FunctionName: "fn" })).toEqual({});
  });

  it("is for functions only, and leaves 100 to the others", async () => {
    await bench.create();
    const put = (FunctionName: string, ReservedConcurrentExecutions: number) =>
      bench.call("PutFunctionConcurrency", { FunctionName, ReservedConcurrentExecutions });
    await expect(put(`${ARN}:1`, 1)).rejects.toThrow("This operation is permitted on Lambda functions only.");
    await expect(put("fn", 901)).rejects.toThrow("below its minimum value of [100].");
    await expect(put("none", 1)).rejects.toThrow("function:none:$LATEST");
  });
});

it("two worlds of one seed give the same identifiers", async () => {
  const other = new LambdaBench();
  expect(await other.create()).toEqual(await bench.create());
  expect(await new LambdaBench({ seed: 2 }).create()).not.toEqual(
    await other.call("GetFunctionConfiguration", { FunctionName: "fn" }),
  );
  expect((await bench.call("GetFunctionConfiguration", { FunctionName: "fn" })).Role).toBe(ROLE);
});
