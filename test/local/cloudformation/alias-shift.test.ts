import { beforeEach, describe, expect, it } from "vitest";
import { guardedFunction, ReleaseHarness } from "./release-harness.ts";

let aws: ReleaseHarness;
beforeEach(async () => {
  aws = new ReleaseHarness();
  expect((await aws.deploy(guardedFunction("A"))).StackStatus).toBe("CREATE_COMPLETE");
});

/** Fails on creation: the name is taken. */
const failing = { Type: "AWS::SSM::Parameter", Properties: { Name: "taken", Type: "String", Value: "v" } };
const takeName = () => aws.call("ssm", "PutParameter", { Name: "taken", Value: "x", Type: "String" });

describe("an alias with UpdatePolicy", () => {
  it("is created without a deployment", async () => {
    expect(aws.alias()).toEqual({ version: "1", weights: {} });
    expect(await aws.deployments()).toEqual([]);
  });

  it("shifts by a deployment of CloudFormation that carries the stack's id, and the stack waits for it", async () => {
    await aws.begin(guardedFunction("B"));
    await aws.clock.advanceBy(60_000);
    expect((await aws.stack()).StackStatus).toBe("UPDATE_IN_PROGRESS");
    expect(aws.alias()).toEqual({ version: "1", weights: { "2": 0.1 } });
    await aws.finish();
    const { StackStatus, StackId } = await aws.stack();
    expect(StackStatus).toBe("UPDATE_COMPLETE");
    expect(aws.alias()).toEqual({ version: "2", weights: {} });
    expect(await aws.deployments()).toEqual([
      expect.objectContaining({
        creator: "CloudFormation",
        externalId: StackId,
        status: "Succeeded",
        applicationName: "shop",
      }),
    ]);
    // RetainExceptOnCreate keeps the version that left the template: it is what a rollback needs.
    expect(await aws.versions()).toEqual(["1", "2"]);
  });

  it("updates the alias directly when the template has no UpdatePolicy any more", async () => {
    const resources = guardedFunction("B") as Record<string, Record<string, unknown>>;
    delete resources.Alias!.UpdatePolicy;
    await aws.begin(resources);
    expect((await aws.stack()).StackStatus).toBe("UPDATE_COMPLETE");
    expect(aws.alias().version).toBe("2");
  });

  it("fails the update and rolls the stack back when the deployment is stopped", async () => {
    await aws.begin(guardedFunction("B"));
    await aws.clock.advanceBy(60_000);
    const [deployment] = await aws.deployments();
    await aws.call("codedeploy", "StopDeployment", {
      deploymentId: deployment!.deploymentId,
      autoRollbackEnabled: true,
    });
    await aws.finish();
    expect((await aws.stack()).StackStatus).toBe("UPDATE_ROLLBACK_COMPLETE");
    expect((await aws.reasons("Alias", "UPDATE_FAILED"))[0]).toContain(
      `CodeDeploy deployment ${deployment!.deploymentId} was stopped`,
    );
    expect(aws.alias()).toEqual({ version: "1", weights: {} });
    // CodeDeploy's own rollback has put the alias back: CloudFormation deploys nothing more.
    expect((await aws.deployments()).map(({ creator }) => creator)).toEqual(["CloudFormation", "codeDeployRollback"]);
  });

  it("does not keep the version of a rolled back update, so that the same artifact can be deployed again", async () => {
    await aws.begin(guardedFunction("B"));
    await aws.clock.advanceBy(60_000);
    const [deployment] = await aws.deployments();
    await aws.call("codedeploy", "StopDeployment", {
      deploymentId: deployment!.deploymentId,
      autoRollbackEnabled: true,
    });
    await aws.finish();
    expect(await aws.versions()).toEqual(["1"]);
    expect((await aws.deploy(guardedFunction("B"))).StackStatus).toBe("UPDATE_COMPLETE");
    expect(aws.alias()).toEqual({ version: "3", weights: {} });
  });

  it("goes back by a deployment of CloudFormationRollback when the shift was done before something else failed", async () => {
    await takeName();
    const late = { ...failing, DependsOn: "Alias" };
    expect((await aws.deploy(guardedFunction("B", { Late: late }))).StackStatus).toBe("UPDATE_ROLLBACK_COMPLETE");
    expect(aws.alias()).toEqual({ version: "1", weights: {} });
    expect((await aws.deployments()).map(({ creator, status }) => [creator, status])).toEqual([
      ["CloudFormation", "Succeeded"],
      ["CloudFormationRollback", "Succeeded"],
    ]);
  });

  it("goes back by a deployment when the failed shift was left at the new version", async () => {
    const resources = guardedFunction("B") as Record<
      string,
      { Properties: Record<string, unknown>; UpdatePolicy?: unknown }
    >;
    const noRollback = { Enabled: false, Events: [] };
    resources.Group!.Properties.AutoRollbackConfiguration = noRollback;
    await aws.begin(resources);
    await aws.clock.advanceBy(60_000);
    const [deployment] = await aws.deployments();
    await aws.call("codedeploy", "StopDeployment", { deploymentId: deployment!.deploymentId });
    // Somebody finishes by hand what the stopped deployment began.
    await aws.call("lambda", "UpdateAlias", {
      FunctionName: "orders",
      Name: "live",
      FunctionVersion: "2",
      RoutingConfig: { AdditionalVersionWeights: {} },
    });
    await aws.finish();
    expect((await aws.stack()).StackStatus).toBe("UPDATE_ROLLBACK_COMPLETE");
    expect((await aws.deployments()).map(({ creator }) => creator)).toEqual([
      "CloudFormation",
      "CloudFormationRollback",
    ]);
    expect(aws.alias()).toEqual({ version: "1", weights: {} });
  });

  it("stops its deployment when the update is cancelled, and restores the alias", async () => {
    await aws.begin(guardedFunction("B"));
    await aws.clock.advanceBy(60_000);
    expect(aws.alias().weights).toEqual({ "2": 0.1 });
    await aws.call("cloudformation", "CancelUpdateStack", { StackName: "app" });
    await aws.finish();
    expect((await aws.stack()).StackStatus).toBe("UPDATE_ROLLBACK_COMPLETE");
    expect(await aws.reasons("Alias", "UPDATE_FAILED")).toEqual(["Resource update cancelled"]);
    expect(aws.alias()).toEqual({ version: "1", weights: {} });
  });

  it("cancels the shift of a sibling alias when another one fails", async () => {
    const beta = (resources: Record<string, unknown>) => {
      const copy = structuredClone(resources) as Record<
        string,
        { Properties: Record<string, unknown>; UpdatePolicy?: unknown }
      >;
      copy.Group!.Properties.DeploymentGroupName = "beta-group";
      copy.Alias!.Properties.Name = "beta";
      copy.Alias!.UpdatePolicy = {
        CodeDeployLambdaAliasUpdate: {
          ApplicationName: { Ref: "Application" },
          DeploymentGroupName: { Ref: "BetaGroup" },
        },
      };
      return { ...resources, BetaGroup: copy.Group, BetaAlias: copy.Alias };
    };
    await aws.deploy(beta(guardedFunction("A")));
    await aws.begin(beta(guardedFunction("B")));
    await aws.clock.advanceBy(60_000);
    const live = (await aws.deployments()).find(({ deploymentGroupName }) => deploymentGroupName === "orders-group")!;
    await aws.call("codedeploy", "StopDeployment", { deploymentId: live.deploymentId, autoRollbackEnabled: true });
    await aws.finish();
    expect((await aws.stack()).StackStatus).toBe("UPDATE_ROLLBACK_COMPLETE");
    expect(await aws.reasons("BetaAlias", "UPDATE_FAILED")).toEqual(["Resource update cancelled"]);
    expect(aws.lambda.getAliasState("orders", "beta")).toMatchObject({ functionVersion: "1" });
    expect(aws.lambda.getAliasState("orders", "beta")?.weights).toEqual({});
    expect(aws.alias()).toEqual({ version: "1", weights: {} });
  });

  it("fails when the alias was moved behind CloudFormation's back", async () => {
    await aws.deploy(guardedFunction("B"));
    await aws.call("lambda", "UpdateAlias", { FunctionName: "orders", Name: "live", FunctionVersion: "1" });
    expect((await aws.deploy(guardedFunction("C"))).StackStatus).toBe("UPDATE_ROLLBACK_COMPLETE");
    expect((await aws.reasons("Alias", "UPDATE_FAILED"))[0]).toContain("INVALID_LAMBDA_CONFIGURATION");
    expect(aws.alias()).toEqual({ version: "1", weights: {} });
  });
});

describe("a Lambda version", () => {
  it("is refused when nothing changed since the last one", async () => {
    const resources = guardedFunction("A", {
      Again: { Type: "AWS::Lambda::Version", Properties: { FunctionName: "orders" } },
    });
    expect((await aws.deploy(resources)).StackStatus).toBe("UPDATE_ROLLBACK_COMPLETE");
    expect((await aws.reasons("Again", "CREATE_FAILED"))[0]).toMatch(
      /Version already exists: \[arn:.*:function:orders:1\]\. Please modify the function to create a new version/,
    );
    expect(await aws.versions()).toEqual(["1"]);
  });
});
