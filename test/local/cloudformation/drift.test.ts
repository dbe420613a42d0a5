import type { DescribeChangeSetCommandOutput } from "@aws-sdk/client-cloudformation";
import { beforeEach, describe, expect, it } from "vitest";
import { guardedFunction, ReleaseHarness } from "./release-harness.ts";

let aws: ReleaseHarness;

/** Version B is released, then the alias is put back to version 1 behind CloudFormation's back. */
async function rolledBack(options = {}): Promise<void> {
  aws = new ReleaseHarness(options);
  await aws.deploy(guardedFunction("A"));
  await aws.deploy(guardedFunction("B"));
  await aws.call("lambda", "UpdateAlias", { FunctionName: "orders", Name: "live", FunctionVersion: "1" });
}
beforeEach(() => rolledBack());

/** The resources of release B with the alias at a literal version. */
function at(version: string): Record<string, unknown> {
  const resources = structuredClone(guardedFunction("B")) as Record<string, { Properties: Record<string, unknown> }>;
  resources.Alias!.Properties.FunctionVersion = version;
  return resources;
}

async function propose(resources: Record<string, unknown>): Promise<DescribeChangeSetCommandOutput> {
  const target = { StackName: "app", ChangeSetName: "drift" };
  await aws.call("cloudformation", "CreateChangeSet", {
    ...target,
    DeploymentMode: "REVERT_DRIFT",
    TemplateBody: JSON.stringify({ Resources: resources }),
    Capabilities: ["CAPABILITY_NAMED_IAM"],
  });
  return aws.call("cloudformation", "DescribeChangeSet", { ...target, IncludePropertyValues: true });
}

async function execute(): Promise<void> {
  await aws.call("cloudformation", "ExecuteChangeSet", { StackName: "app", ChangeSetName: "drift" });
  await aws.finish();
}

describe("a drift-aware change set", () => {
  it("only syncs the record of an alias whose template now says what is live", async () => {
    const { Changes, DeploymentMode } = await propose(at("1"));
    expect(DeploymentMode).toBe("REVERT_DRIFT");
    expect(Changes).toHaveLength(1);
    expect(Changes![0]!.ResourceChange).toMatchObject({
      Action: "SyncWithActual",
      LogicalResourceId: "Alias",
      ResourceDriftStatus: "MODIFIED",
      Details: [{ Target: { Name: "FunctionVersion", AttributeChangeType: "SyncWithActual", AfterValue: "1" } }],
    });
    const before = await aws.deployments();
    await execute();
    expect(await aws.deployments()).toEqual(before);
    expect(aws.alias()).toEqual({ version: "1", weights: {} });
    // The stack now starts from version 1: the next release is accepted.
    expect((await aws.deploy(guardedFunction("C"))).StackStatus).toBe("UPDATE_COMPLETE");
    expect(aws.alias().version).toBe("3");
  });

  it("with the old template moves the alias to the template's version again", async () => {
    const { Changes } = await propose(guardedFunction("B"));
    expect(Changes![0]!.ResourceChange).toMatchObject({
      Action: "Modify",
      ResourceDriftStatus: "MODIFIED",
      Details: [{ Target: { Name: "FunctionVersion", BeforeValue: "1", AfterValue: "2" } }],
    });
    await execute();
    expect(aws.alias().version).toBe("2");
  });

  it("restores what was live before it when it fails", async () => {
    await aws.call("ssm", "PutParameter", { Name: "taken", Value: "x", Type: "String" });
    const late = { Type: "AWS::SSM::Parameter", Properties: { Name: "taken", Type: "String", Value: "v" } };
    await propose({ ...guardedFunction("B"), Late: { ...late, DependsOn: "Alias" } });
    await execute();
    expect((await aws.stack()).StackStatus).toBe("UPDATE_ROLLBACK_COMPLETE");
    expect(aws.alias()).toEqual({ version: "1", weights: {} });
  });

  it("is a plain one for a resource that cannot be read", async () => {
    await rolledBack({ readsLiveState: false });
    const { Changes } = await propose(at("1"));
    expect(Changes![0]!.ResourceChange).toMatchObject({
      Action: "Modify",
      LogicalResourceId: "Alias",
      ResourceDriftStatus: "UNSUPPORTED",
    });
  });

  it("leaves plain change sets blind for what is live", async () => {
    const target = { StackName: "app", ChangeSetName: "plain" };
    await aws.call("cloudformation", "CreateChangeSet", {
      ...target,
      TemplateBody: JSON.stringify({ Resources: guardedFunction("B") }),
      Capabilities: ["CAPABILITY_NAMED_IAM"],
    });
    const { Status, DeploymentMode } = await aws.call<DescribeChangeSetCommandOutput>(
      "cloudformation",
      "DescribeChangeSet",
      target,
    );
    expect({ Status, DeploymentMode }).toEqual({ Status: "FAILED", DeploymentMode: undefined });
  });
});

describe("after a rollback behind CloudFormation's back", () => {
  it("an update whose template leaves the UpdatePolicy out can record the live version without moving traffic", async () => {
    const resources = at("1") as Record<string, Record<string, unknown>>;
    delete resources.Alias!.UpdatePolicy;
    const before = await aws.deployments();
    expect((await aws.deploy(resources)).StackStatus).toBe("UPDATE_COMPLETE");
    expect(await aws.deployments()).toEqual(before);
    expect(aws.alias()).toEqual({ version: "1", weights: {} });
    expect((await aws.deploy(guardedFunction("C"))).StackStatus).toBe("UPDATE_COMPLETE");
  });

  /** Releases C, stops it with rollback, and says where the alias is then. */
  async function whereAStoppedReleaseEnds(): Promise<string> {
    await aws.begin(guardedFunction("C"));
    await aws.clock.advanceBy(60_000);
    const open = (await aws.deployments()).find(({ status }) => status === "InProgress")!;
    await aws.call("codedeploy", "StopDeployment", { deploymentId: open.deploymentId, autoRollbackEnabled: true });
    await aws.finish();
    return aws.alias().version;
  }

  it("CodeDeploy rolls the next release back to the version that was left: its group's last successful revision", async () => {
    await propose(at("1"));
    await execute();
    expect(await whereAStoppedReleaseEnds()).toBe("2");
  });

  it("a successful revision of another alias in between makes CodeDeploy restore what served", async () => {
    await propose(at("1"));
    await execute();
    const FunctionName = "orders";
    await aws.call("lambda", "CreateAlias", { FunctionName, Name: "marker", FunctionVersion: "2" });
    const Properties = { Name: FunctionName, Alias: "marker", CurrentVersion: "2", TargetVersion: "1" };
    const content = JSON.stringify({
      version: 0.0,
      Resources: [{ orders: { Type: "AWS::Lambda::Function", Properties } }],
    });
    await aws.call("codedeploy", "CreateDeployment", {
      applicationName: "shop",
      deploymentGroupName: "orders-group",
      deploymentConfigName: "CodeDeployDefault.LambdaAllAtOnce",
      revision: { revisionType: "AppSpecContent", appSpecContent: { content } },
    });
    await aws.clock.advanceBy(60_000);
    expect(aws.alias()).toEqual({ version: "1", weights: {} });
    expect(await whereAStoppedReleaseEnds()).toBe("1");
  });
});
