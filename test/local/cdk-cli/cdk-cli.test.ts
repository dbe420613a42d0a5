import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LocalAws, startLocalAws } from "../../../lib/local/index.ts";
import { type AssemblyStack, writeAssembly } from "./assembly.ts";
import { runCdk } from "./cdk.ts";

let aws: LocalAws;
let root: string;
beforeEach(async () => {
  aws = await startLocalAws();
  root = mkdtempSync(join(tmpdir(), "cdk-cli-"));
});
afterEach(async () => {
  await aws.close();
  rmSync(root, { recursive: true, force: true });
});

const parameter = (value: string, attributes: Record<string, unknown> = {}) => ({
  Type: "AWS::SSM::Parameter",
  Properties: { Type: "String", Value: value, ...attributes },
});

async function cdk(stacks: Record<string, AssemblyStack>, ...args: string[]) {
  const result = await runCdk(writeAssembly(join(root, "cdk.out"), stacks), aws.environment, ...args);
  expect(result.output).not.toContain("STRANGE HOST");
  return result;
}

const deploy = (stacks: Record<string, AssemblyStack>, ...args: string[]) =>
  cdk(stacks, "deploy", "--all", "--require-approval", "never", ...args);

async function status(name: string): Promise<string | undefined> {
  const { Stacks } = await aws.world.call<{ Stacks: { StackStatus: string }[] }>(
    "cloudformation",
    "DescribeStacks",
    { StackName: name },
    aws.world.credentials.principalFor(undefined),
  );
  return Stacks[0]?.StackStatus;
}

async function value(name: string): Promise<string | undefined> {
  const { Parameter } = await aws.world.call<{ Parameter: { Value: string } }>(
    "ssm",
    "GetParameter",
    { Name: name },
    aws.world.credentials.principalFor(undefined),
  );
  return Parameter.Value;
}

describe("the unmodified CDK CLI against the local AWS", () => {
  it("creates, skips, compares, updates and destroys a stack, and speaks to no other host", async () => {
    const first = {
      App: { resources: { P: parameter("1", { Name: "p" }) }, outputs: { Name: { Value: { Ref: "P" } } } },
    };
    const second = { App: { resources: { P: parameter("2", { Name: "p" }), Q: parameter("q", { Name: "q" }) } } };

    const created = await deploy(first);
    expect(created).toMatchObject({ code: 0, output: expect.stringContaining("App.Name = p") });
    expect(await status("App")).toBe("CREATE_COMPLETE");

    const unchanged = await deploy(first);
    expect(unchanged).toMatchObject({ code: 0, output: expect.stringContaining("App (no changes)") });

    const forced = await deploy(first, "--force");
    expect(forced).toMatchObject({ code: 0, output: expect.stringContaining("App (no changes)") });

    const difference = await cdk(second, "diff");
    expect(difference.output).toMatch(/\[~\] AWS::SSM::Parameter P[\s\S]*\[-\] 1[\s\S]*\[\+\] 2[\s\S]*/);
    expect(difference.output).toContain("[+] AWS::SSM::Parameter Q");
    expect(await value("p")).toBe("1");

    expect((await deploy(second)).code).toBe(0);
    expect([await status("App"), await value("p")]).toEqual(["UPDATE_COMPLETE", "2"]);

    const destroyed = await cdk(second, "destroy", "--all", "--force");
    expect(destroyed).toMatchObject({ code: 0, output: expect.stringContaining("App: destroyed") });
    await expect(value("p")).rejects.toThrow();
    await expect(status("App")).rejects.toThrow("Stack with id App does not exist");
  }, 60_000);

  it("says that a resource would be replaced", async () => {
    await deploy({ App: { resources: { P: parameter("1", { Name: "before" }) } } });
    const { output } = await cdk({ App: { resources: { P: parameter("1", { Name: "after" }) } } }, "diff");
    expect(output).toMatch(/AWS::SSM::Parameter P replace/);
  }, 60_000);

  it("reports a failed update, with the stack rolled back, and deploys again afterwards", async () => {
    await aws.world.call(
      "ssm",
      "PutParameter",
      { Name: "taken", Value: "x", Type: "String" },
      aws.world.credentials.principalFor(undefined),
    );
    await deploy({ App: { resources: { P: parameter("1", { Name: "p" }) } } });
    const colliding = { ...parameter("q", { Name: "taken" }), DependsOn: "P" };

    const failed = await deploy({ App: { resources: { P: parameter("2", { Name: "p" }), Q: colliding } } });
    expect(failed.code).toBe(1);
    expect(failed.output).toMatch(/UPDATE_ROLLBACK_IN_PROG.*The following resource\(s\) failed to create: \[Q\]/);
    expect(failed.output).toContain("The parameter already exists");
    expect([await status("App"), await value("p")]).toEqual(["UPDATE_ROLLBACK_COMPLETE", "1"]);

    expect((await deploy({ App: { resources: { P: parameter("3", { Name: "p" }) } } })).code).toBe(0);
    expect(await value("p")).toBe("3");
  }, 60_000);

  it("replaces a stack whose creation failed", async () => {
    await aws.world.call(
      "ssm",
      "PutParameter",
      { Name: "taken", Value: "x", Type: "String" },
      aws.world.credentials.principalFor(undefined),
    );
    expect((await deploy({ App: { resources: { P: parameter("1", { Name: "taken" }) } } })).code).toBe(1);
    expect(await status("App")).toBe("ROLLBACK_COMPLETE");
    expect((await deploy({ App: { resources: { P: parameter("1", { Name: "free" }) } } })).code).toBe(0);
    expect(await status("App")).toBe("CREATE_COMPLETE");
  }, 60_000);

  it("deploys all stacks of an app, each after those it depends on", async () => {
    const order: string[] = [];
    aws.world.observe(({ kind, detail }) => {
      if (kind === "stack-status" && detail.status === "CREATE_COMPLETE") order.push(String(detail.stackName));
    });
    const shared = { Out: { Value: { Ref: "P" }, Export: { Name: "shared" } } };
    const { code } = await deploy({
      Third: { resources: { P: parameter("3") }, after: ["Second"] },
      First: { resources: { P: parameter("1", { Name: "first" }) }, outputs: shared },
      Second: { resources: { P: parameter("2", { Description: { "Fn::ImportValue": "shared" } }) }, after: ["First"] },
    });
    expect(code).toBe(0);
    expect(order).toEqual(["First", "Second", "Third"]);
  }, 60_000);

  it("fails the deploy by the name of a resource type that is not implemented", async () => {
    const { code, output } = await deploy({ App: { resources: { P: { Type: "AWS::EC2::VPC", Properties: {} } } } });
    expect(code).toBe(1);
    expect(output).toContain("Unrecognized resource types: [AWS::EC2::VPC]");
  }, 60_000);
});
