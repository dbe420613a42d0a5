import { beforeEach, describe, expect, it } from "vitest";
import { EngineHarness, thing } from "./harness.ts";

let aws: EngineHarness;
beforeEach(() => {
  aws = new EngineHarness();
});

describe("change sets", () => {
  it("put a new stack into REVIEW_IN_PROGRESS, where it has an empty template", async () => {
    const changeSet = await aws.changeSet({ A: thing() }, "CREATE");
    expect(changeSet).toMatchObject({ Status: "CREATE_COMPLETE", ExecutionStatus: "AVAILABLE" });
    expect(changeSet.Changes![0]!.ResourceChange).toMatchObject({ Action: "Add", LogicalResourceId: "A" });
    expect((await aws.stack()).StackStatus).toBe("REVIEW_IN_PROGRESS");
    expect(await aws.call("GetTemplate", { StackName: "demo" })).toMatchObject({ TemplateBody: "{}" });
    await aws.call("DeleteStack", { StackName: "demo" });
    await expect(aws.stack()).rejects.toThrow("does not exist");
  });

  it("change nothing until they are executed, and only once", async () => {
    const { ChangeSetId } = await aws.changeSet({ A: thing() }, "CREATE");
    expect(aws.backend.log).toEqual([]);
    await aws.call("ExecuteChangeSet", { ChangeSetName: ChangeSetId });
    expect((await aws.stack()).StackStatus).toBe("CREATE_COMPLETE");
    await expect(aws.call("ExecuteChangeSet", { ChangeSetName: ChangeSetId })).rejects.toThrow(
      "cannot be executed in its current execution status of [EXECUTE_COMPLETE]",
    );
  });

  it("fail in AWS's words when nothing would change", async () => {
    await aws.deploy({ A: thing({ Value: "1" }) });
    const changeSet = await aws.changeSet({ A: thing({ Value: "1" }) });
    expect(changeSet).toMatchObject({
      Status: "FAILED",
      ExecutionStatus: "UNAVAILABLE",
      StatusReason:
        "The submitted information didn't contain changes. Submit different information to create a change set.",
    });
    await expect(aws.call("ExecuteChangeSet", { ChangeSetName: changeSet.ChangeSetId })).rejects.toMatchObject({
      queryCode: "InvalidChangeSetStatus",
      message: `ChangeSet [${changeSet.ChangeSetId}] cannot be executed in its current status of [FAILED]`,
    });
  });

  it("say what is replaced, why, and what becomes of the old resource", async () => {
    const retained = { UpdateReplacePolicy: "Retain" };
    await aws.deploy({ A: thing({ Kind: "x" }), B: thing({ Name: { Ref: "A" } }, retained), Gone: thing() });
    const { Changes } = await aws.changeSet({ A: thing({ Kind: "y" }), B: thing({ Name: { Ref: "A" } }, retained) });
    const [a, b, gone] = Changes!.map((change) => change.ResourceChange!);
    expect(a).toMatchObject({
      Action: "Modify",
      Replacement: "True",
      PolicyAction: "ReplaceAndDelete",
      Scope: ["Properties"],
    });
    expect(a!.Details).toEqual([
      {
        Target: {
          Attribute: "Properties",
          Name: "Kind",
          RequiresRecreation: "Always",
          Path: "/Properties/Kind",
          BeforeValue: "x",
          AfterValue: "y",
          AttributeChangeType: "Modify",
        },
        Evaluation: "Static",
        ChangeSource: "DirectModification",
      },
    ]);
    expect(b).toMatchObject({ Replacement: "True", PolicyAction: "ReplaceAndRetain" });
    expect(b!.Details![0]).toMatchObject({
      Target: { AfterValue: "{{changeSet:KNOWN_AFTER_APPLY}}" },
      ChangeSource: "ResourceReference",
      CausingEntity: "A",
    });
    expect(gone).toMatchObject({ Action: "Remove", PolicyAction: "Delete" });
  });

  it("name changes of metadata and policies without touching the resource", async () => {
    await aws.deploy({ A: thing({ Value: "1" }) });
    const { Changes, ChangeSetId } = await aws.changeSet({ A: thing({ Value: "1" }, { DeletionPolicy: "Retain" }) });
    expect(Changes![0]!.ResourceChange).toMatchObject({
      Action: "Modify",
      Replacement: "False",
      Scope: ["DeletionPolicy"],
    });
    await aws.call("ExecuteChangeSet", { ChangeSetName: ChangeSetId });
    expect(aws.backend.log).toEqual(["create A"]);
    await aws.call("DeleteStack", { StackName: "demo" });
    expect(aws.backend.live.size).toBe(1);
  });

  it("hide property values unless asked for them", async () => {
    await aws.deploy({ A: thing({ Value: "1" }) });
    const { ChangeSetId } = await aws.changeSet({ A: thing({ Value: "2" }) });
    const plain = await aws.call<{ Changes: { ResourceChange: { Details: unknown[] } }[] }>("DescribeChangeSet", {
      ChangeSetName: ChangeSetId,
    });
    expect(plain.Changes[0]!.ResourceChange.Details).toEqual([
      {
        Target: { Attribute: "Properties", Name: "Value", RequiresRecreation: "Never" },
        Evaluation: "Static",
        ChangeSource: "DirectModification",
      },
    ]);
  });

  it("are gone when they are deleted", async () => {
    const { ChangeSetId } = await aws.changeSet({ A: thing() }, "CREATE");
    await aws.call("DeleteChangeSet", { StackName: "demo", ChangeSetName: "change" });
    await expect(aws.call("DescribeChangeSet", { ChangeSetName: ChangeSetId })).rejects.toMatchObject({
      code: "ChangeSetNotFoundException",
      queryCode: "ChangeSetNotFound",
      status: 404,
    });
    await aws.call("DeleteChangeSet", { StackName: "demo", ChangeSetName: "change" });
    await expect(aws.call("DeleteChangeSet", { StackName: "none", ChangeSetName: "change" })).rejects.toThrow(
      "Stack [none] does not exist",
    );
  });

  it("refuse a stack that already exists, or does not, or cannot be updated", async () => {
    await expect(aws.changeSet({ A: thing() }, "UPDATE")).rejects.toThrow("Stack [demo] does not exist");
    aws.backend.failing.set("A", "create");
    await aws.deploy({ A: thing() });
    await expect(aws.changeSet({ A: thing() }, "UPDATE")).rejects.toThrow(
      "ROLLBACK_COMPLETE state and can not be updated.",
    );
    await expect(aws.changeSet({ A: thing() }, "CREATE")).rejects.toThrow(
      "Stack [demo] already exists and cannot be created again with the changeSet [change].",
    );
  });

  it("refuse IAM resources without the capability", async () => {
    const Resources = { R: { Type: "AWS::IAM::Role", Properties: {} } };
    const types = { ...aws.backend.types(), "AWS::IAM::Role": aws.backend.types()["Fake::Thing"]! };
    const { createCloudFormation } = await import("../../../lib/local/services/cloudformation/index.ts");
    const { operations } = createCloudFormation(aws.world, { types });
    const context = { principal: aws.world.credentials.principalFor(undefined), requestId: "r", userAgent: "" };
    const input = { StackName: "demo", TemplateBody: JSON.stringify({ Resources }) };
    await expect(async () => operations.CreateStack!(input, context)).rejects.toThrow(
      "Requires capabilities : [CAPABILITY_IAM]",
    );
  });
});
