import {
  DeleteParameterCommand,
  GetParameterCommand,
  GetParameterHistoryCommand,
  GetParametersByPathCommand,
  GetParametersCommand,
  PutParameterCommand,
  type PutParameterCommandInput,
  SSMClient,
} from "@aws-sdk/client-ssm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { serve } from "./serve.ts";

let served: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  served = await serve();
});
beforeEach(() => served.aws.reset());
afterAll(() => served.aws.close());

const ssm = () => new SSMClient(served.client);
const put = (input: Partial<PutParameterCommandInput>) =>
  ssm().send(new PutParameterCommand({ Name: "/app/a", Type: "String", Value: "1", ...input }));
const get = (Name: string, WithDecryption?: boolean) => ssm().send(new GetParameterCommand({ Name, WithDecryption }));

describe("SSM parameters", () => {
  it("counts versions and reads an older one by its number or the newest by ARN", async () => {
    await put({});
    expect((await put({ Value: "2", Overwrite: true })).Version).toBe(2);
    expect((await get("/app/a:1")).Parameter).toMatchObject({ Value: "1", Selector: ":1" });
    const newest = (await get("/app/a")).Parameter;
    expect(newest).toMatchObject({ Value: "2", Version: 2, LastModifiedDate: new Date("2026-01-01T00:00:00Z") });
    expect((await get(newest?.ARN ?? "")).Parameter?.Value).toBe("2");
  });

  it("reads a parameter of one level by its ARN, with and without the leading slash in its name", async () => {
    await put({ Name: "plain" });
    await put({ Name: "/rooted" });
    expect((await get("arn:aws:ssm:us-east-1:111122223333:parameter/plain")).Parameter?.Name).toBe("plain");
    expect((await get("arn:aws:ssm:us-east-1:111122223333:parameter/rooted")).Parameter?.Name).toBe("/rooted");
  });

  it("does not overwrite unless asked to", async () => {
    await put({});
    await expect(put({ Value: "2" })).rejects.toMatchObject({ name: "ParameterAlreadyExists" });
    expect((await get("/app/a")).Parameter?.Value).toBe("1");
  });

  it("shows the value of a SecureString only with decryption", async () => {
    await put({ Type: "SecureString", Value: "secret" });
    expect((await get("/app/a")).Parameter?.Value).not.toContain("secret");
    expect((await get("/app/a", true)).Parameter?.Value).toBe("secret");
  });

  it("lists a path, flat or recursive, in pages", async () => {
    await put({});
    await put({ Name: "/app/b" });
    await put({ Name: "/app/deep/c" });
    await put({ Name: "/apple" });
    const names = async (Recursive: boolean) =>
      (await ssm().send(new GetParametersByPathCommand({ Path: "/app", Recursive }))).Parameters?.map(
        ({ Name }) => Name,
      );
    expect(await names(false)).toEqual(["/app/a", "/app/b"]);
    expect(await names(true)).toEqual(["/app/a", "/app/b", "/app/deep/c"]);
    const first = await ssm().send(new GetParametersByPathCommand({ Path: "/app", MaxResults: 1 }));
    const second = await ssm().send(
      new GetParametersByPathCommand({ Path: "/app", MaxResults: 1, NextToken: first.NextToken }),
    );
    expect(second.Parameters?.[0]?.Name).toBe("/app/b");
    expect(second.NextToken).toBeUndefined();
  });

  it("names the parameters that it did not find", async () => {
    await put({});
    const reply = await ssm().send(new GetParametersCommand({ Names: ["/app/a", "/none"] }));
    expect(reply.InvalidParameters).toEqual(["/none"]);
    await expect(get("/none")).rejects.toMatchObject({ name: "ParameterNotFound" });
    await expect(ssm().send(new DeleteParameterCommand({ Name: "/none" }))).rejects.toMatchObject({
      name: "ParameterNotFound",
    });
  });

  it("holds standard parameters to 4 KB and advanced ones to 8 KB", async () => {
    await expect(put({ Value: "x".repeat(4097) })).rejects.toMatchObject({ name: "ValidationException" });
    expect((await put({ Value: "x".repeat(4097), Tier: "Intelligent-Tiering" })).Tier).toBe("Advanced");
    await expect(put({ Name: "/b", Value: "x".repeat(8193), Tier: "Advanced" })).rejects.toMatchObject({
      name: "ValidationException",
    });
  });

  it("refuses to make a standard parameter of an advanced one, and leaves it advanced where it may choose", async () => {
    await put({ Value: "x".repeat(4097), Tier: "Advanced" });
    await expect(put({ Tier: "Standard", Overwrite: true })).rejects.toThrow("You can't downgrade a parameter");
    expect((await put({ Tier: "Intelligent-Tiering", Overwrite: true })).Tier).toBe("Advanced");
    expect((await put({ Overwrite: true })).Tier).toBe("Advanced");
  });

  it("keeps the newest hundred versions and lists them oldest first, fifty a page, with who wrote each", async () => {
    for (let i = 1; i <= 102; i++) await put({ Value: String(i), Overwrite: i > 1, Description: `the ${i}th` });
    const first = await ssm().send(new GetParameterHistoryCommand({ Name: "/app/a" }));
    expect(first.Parameters).toHaveLength(50);
    expect(first.Parameters?.[0]).toMatchObject({
      ...{ Version: 3, Value: "3", Description: "the 3th", Tier: "Standard", Type: "String", Labels: [] },
      LastModifiedUser: expect.stringMatching(/^arn:aws:/),
      LastModifiedDate: new Date("2026-01-01T00:00:00Z"),
    });
    const { NextToken } = first;
    const second = await ssm().send(new GetParameterHistoryCommand({ Name: "/app/a", NextToken }));
    expect(second.Parameters?.at(-1)).toMatchObject({ Version: 102, Value: "102" });
    expect(second.NextToken).toBeUndefined();
    const tooMany = new GetParameterHistoryCommand({ Name: "/app/a", MaxResults: 51 });
    await expect(ssm().send(tooMany)).rejects.toMatchObject({ name: "ValidationException" });
    const none = new GetParameterHistoryCommand({ Name: "/none" });
    await expect(ssm().send(none)).rejects.toMatchObject({ name: "ParameterNotFound" });
  });

  it("has the CDK's bootstrap version, also after a reset", async () => {
    await put({});
    await served.aws.reset();
    expect((await get("/cdk-bootstrap/hnb659fds/version")).Parameter?.Value).toBe("30");
    await expect(get("/app/a")).rejects.toMatchObject({ name: "ParameterNotFound" });
  });
});
