import { beforeEach, describe, expect, it } from "vitest";
import { EngineHarness, thing } from "./harness.ts";

let aws: EngineHarness;
beforeEach(() => {
  aws = new EngineHarness();
});

describe("creating a stack", () => {
  it("creates each resource after what it refers to and ends in CREATE_COMPLETE", async () => {
    const stack = await aws.deploy(
      {
        B: thing({ Input: { "Fn::GetAtt": ["A", "Arn"] } }),
        A: thing({ Value: "1" }),
        C: thing({}, { DependsOn: "B" }),
      },
      { Outputs: { Arn: { Value: { "Fn::Join": ["", [{ "Fn::GetAtt": "A.Arn" }, "!"]] } } } },
    );
    expect(stack.StackStatus).toBe("CREATE_COMPLETE");
    expect(stack.Outputs).toEqual([expect.objectContaining({ OutputKey: "Arn", OutputValue: "arn:thing-1!" })]);
    expect(aws.backend.log).toEqual(["create A", "create B", "create C"]);
    expect(aws.backend.live.get("thing-2")).toEqual({ Input: "arn:thing-1" });
  });

  it("rolls a failed creation back, deleting dependents first", async () => {
    aws.backend.failing.set("C", "create");
    const stack = await aws.deploy({ A: thing(), B: thing({}, { DependsOn: "A" }), C: thing({}, { DependsOn: "B" }) });
    expect(stack.StackStatus).toBe("ROLLBACK_COMPLETE");
    expect(await aws.reasons("ROLLBACK_IN_PROGRESS")).toEqual([
      "The following resource(s) failed to create: [C]. Rollback requested by user.",
    ]);
    expect(aws.backend.log.slice(-2)).toEqual(["delete B", "delete A"]);
    expect(aws.backend.live.size).toBe(0);
  });

  it("keeps what Retain protects in a rolled back creation, and not what RetainExceptOnCreate protects", async () => {
    aws.backend.failing.set("Bad", "create");
    await aws.deploy({
      Kept: thing({ Name: "kept" }, { DeletionPolicy: "Retain" }),
      Gone: thing({ Name: "gone" }, { DeletionPolicy: "RetainExceptOnCreate" }),
      Bad: thing({}, { DependsOn: ["Kept", "Gone"] }),
    });
    expect([...aws.backend.live.keys()]).toEqual(["kept"]);
    expect(await aws.events()).toContain("Kept DELETE_SKIPPED");
  });

  it("stays CREATE_FAILED without rollback, and the next deploy creates only what is missing", async () => {
    aws.backend.failing.set("B", "create");
    const resources = { A: thing(), B: thing({}, { DependsOn: "A" }) };
    expect((await aws.deploy(resources, { DisableRollback: true })).StackStatus).toBe("CREATE_FAILED");
    aws.backend.failing.clear();
    expect((await aws.deploy(resources)).StackStatus).toBe("UPDATE_COMPLETE");
    expect(aws.backend.log).toEqual(["create A", "create B", "create B"]);
  });

  it("cancels a sibling that is under way when another fails", async () => {
    aws.backend.failing.set("Bad", "create");
    await aws.deploy({ Slow: thing({ DelaySeconds: 60 }), Bad: thing({}, {}) });
    await aws.service.settled("demo");
    expect(await aws.reasons("CREATE_FAILED")).toContain("Resource creation cancelled");
    expect(aws.backend.live.size).toBe(0);
  });

  it("answers at once when a resource waits for virtual time, and settles when the time has passed", async () => {
    expect((await aws.deploy({ Slow: thing({ DelaySeconds: 60 }) })).StackStatus).toBe("CREATE_IN_PROGRESS");
    await aws.clock.advanceBy(60_000);
    expect((await aws.stack()).StackStatus).toBe("CREATE_COMPLETE");
  });
});

describe("updating a stack", () => {
  it("refuses an update without changes in AWS's words", async () => {
    await aws.deploy({ A: thing({ Value: "1" }) });
    await expect(aws.deploy({ A: thing({ Value: "1" }) })).rejects.toThrow("No updates are to be performed.");
  });

  it("updates in place only what changed", async () => {
    await aws.deploy({ A: thing({ Value: "1" }), B: thing({ Value: "1" }) });
    const stack = await aws.deploy({ A: thing({ Value: "2" }), B: thing({ Value: "1" }) });
    expect(stack.StackStatus).toBe("UPDATE_COMPLETE");
    expect(aws.backend.log.slice(2)).toEqual(["update A"]);
  });

  it("creates the replacement first and deletes the old resource in the clean-up", async () => {
    await aws.deploy({ A: thing({ Kind: "x" }), B: thing({ Input: { Ref: "A" } }) });
    await aws.deploy({ A: thing({ Kind: "y" }), B: thing({ Input: { Ref: "A" } }) });
    expect(aws.backend.log.slice(2)).toEqual(["create A", "update B", "delete A"]);
    expect([...aws.backend.live]).toEqual([
      ["thing-2", { Input: "thing-3" }],
      ["thing-3", { Kind: "y" }],
    ]);
    const events = await aws.events();
    expect(events.indexOf("demo UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")).toBeLessThan(
      events.indexOf("A DELETE_COMPLETE"),
    );
  });

  it("leaves a replaced resource alone under UpdateReplacePolicy Retain and a removed one under DeletionPolicy", async () => {
    const retained = { UpdateReplacePolicy: "Retain", DeletionPolicy: "RetainExceptOnCreate" };
    await aws.deploy({ A: thing({ Kind: "x" }, retained), B: thing({ Name: "b" }, retained), C: thing({ Name: "c" }) });
    await aws.deploy({ A: thing({ Kind: "y" }, retained) });
    expect([...aws.backend.live.keys()].sort()).toEqual(["b", "thing-1", "thing-4"]);
    expect((await aws.events()).filter((event) => event.endsWith("DELETE_SKIPPED"))).toHaveLength(2);
  });

  it("refuses to replace a resource that keeps its custom name", async () => {
    await aws.deploy({ A: thing({ Name: "n", Kind: "x" }) });
    const stack = await aws.deploy({ A: thing({ Name: "n", Kind: "y" }) });
    expect(stack.StackStatus).toBe("UPDATE_ROLLBACK_COMPLETE");
    expect((await aws.reasons("UPDATE_FAILED"))[0]).toBe(
      "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename n and update the stack again.",
    );
  });

  it("puts every touched resource back when one fails, and removes what the update created", async () => {
    await aws.deploy({ A: thing({ Value: "1" }), B: thing({ Value: "1" }), R: thing({ Kind: "x" }) });
    aws.backend.failing.set("B", "update");
    const changed = {
      A: thing({ Value: "2" }),
      New: thing({ Value: "n" }, { DeletionPolicy: "RetainExceptOnCreate" }),
      R: thing({ Kind: "y" }),
      B: thing({ Value: "2" }, { DependsOn: ["A", "New", "R"] }),
    };
    const stop = aws.world.observe(({ kind, detail }) => {
      if (kind === "stack-status" && detail.status === "UPDATE_ROLLBACK_IN_PROGRESS") aws.backend.failing.clear();
    });
    const stack = await aws.deploy(changed);
    stop();
    expect(stack.StackStatus).toBe("UPDATE_ROLLBACK_COMPLETE");
    expect(await aws.reasons("UPDATE_ROLLBACK_IN_PROGRESS")).toEqual([
      "The following resource(s) failed to update: [B]. ",
    ]);
    expect([...aws.backend.live]).toEqual([
      ["thing-1", { Value: "1" }],
      ["thing-2", { Value: "1" }],
      ["thing-3", { Kind: "x" }],
    ]);
    const { StackResources } = await aws.call<{ StackResources: { PhysicalResourceId: string }[] }>(
      "DescribeStackResources",
      { StackName: "demo" },
    );
    expect(StackResources.map((resource) => resource.PhysicalResourceId).sort()).toEqual([
      "thing-1",
      "thing-2",
      "thing-3",
    ]);
    // The old template is the deployed one again.
    await expect(
      aws.deploy({ A: thing({ Value: "1" }), B: thing({ Value: "1" }), R: thing({ Kind: "x" }) }),
    ).rejects.toThrow("No updates are to be performed.");
  });

  it("ends in UPDATE_ROLLBACK_FAILED when the way back fails, and continues with skipped resources", async () => {
    await aws.deploy({ A: thing({ Value: "1" }) });
    aws.backend.failing.set("A", "update");
    expect((await aws.deploy({ A: thing({ Value: "2" }) })).StackStatus).toBe("UPDATE_ROLLBACK_FAILED");
    await expect(aws.deploy({ A: thing({ Value: "3" }) })).rejects.toThrow(
      "UPDATE_ROLLBACK_FAILED state and can not be updated",
    );
    await aws.call("ContinueUpdateRollback", { StackName: "demo", ResourcesToSkip: ["A"] });
    expect((await aws.stack()).StackStatus).toBe("UPDATE_ROLLBACK_COMPLETE");
    expect(await aws.reasons("UPDATE_COMPLETE")).toContain("Resource skipped during UpdateRollback");
  });

  it("stays UPDATE_FAILED without rollback until RollbackStack goes back to the last good template", async () => {
    await aws.deploy({ A: thing({ Value: "1" }), B: thing({ Value: "1" }) });
    aws.backend.failing.set("B", "update");
    const bad = { A: thing({ Value: "2" }), B: thing({ Value: "2" }, { DependsOn: "A" }) };
    expect((await aws.deploy(bad, { DisableRollback: true })).StackStatus).toBe("UPDATE_FAILED");
    aws.backend.failing.clear();
    await aws.call("RollbackStack", { StackName: "demo" });
    expect((await aws.stack()).StackStatus).toBe("UPDATE_ROLLBACK_COMPLETE");
    expect(aws.backend.live.get("thing-1")).toEqual({ Value: "1" });
  });

  it("rolls back when the update is cancelled", async () => {
    await aws.deploy({ A: thing({ Value: "1" }), B: thing({ Value: "1" }) });
    await aws.deploy({ A: thing({ Value: "2", DelaySeconds: 600 }), B: thing({ Value: "2" }, { DependsOn: "A" }) });
    await aws.call("CancelUpdateStack", { StackName: "demo" });
    await aws.service.settled("demo");
    expect((await aws.stack()).StackStatus).toBe("UPDATE_ROLLBACK_COMPLETE");
    expect(await aws.reasons("UPDATE_FAILED")).toEqual(["Resource update cancelled"]);
    expect(aws.backend.live.get("thing-1")).toEqual({ Value: "1" });
    expect(aws.backend.log.filter((entry) => entry === "update B")).toEqual([]);
  });
});

describe("deleting a stack", () => {
  it("keeps the events of the deleted stack under its id and forgets its name", async () => {
    const { StackId } = await aws.deploy({ A: thing() });
    await aws.call("DeleteStack", { StackName: "demo" });
    await expect(aws.stack()).rejects.toThrow("Stack with id demo does not exist");
    expect((await aws.stack(StackId)).StackStatus).toBe("DELETE_COMPLETE");
    expect((await aws.events(StackId)).slice(-2)).toEqual(["A DELETE_COMPLETE", "demo DELETE_COMPLETE"]);
    await expect(aws.events()).rejects.toThrow("Stack [demo] does not exist");
  });

  it("ends in DELETE_FAILED when a resource cannot be deleted, and can then retain it", async () => {
    await aws.deploy({ A: thing(), B: thing() });
    aws.backend.failing.set("A", "delete");
    await aws.call("DeleteStack", { StackName: "demo" });
    expect((await aws.stack()).StackStatusReason).toBe("The following resource(s) failed to delete: [A]. ");
    await aws.call("DeleteStack", { StackName: "demo", RetainResources: ["A"] });
    expect([...aws.backend.live.keys()]).toEqual(["thing-1"]);
  });

  it("refuses while termination protection is on", async () => {
    await aws.deploy({ A: thing() }, { EnableTerminationProtection: true });
    await expect(aws.call("DeleteStack", { StackName: "demo" })).rejects.toThrow("TerminationProtection is enabled");
  });

  it("refuses while another stack imports one of its exports", async () => {
    await aws.deploy({ A: thing() }, { Outputs: { Out: { Value: { Ref: "A" }, Export: { Name: "shared" } } } });
    const body = { Resources: { B: thing({ Value: { "Fn::ImportValue": "shared" } }) } };
    await aws.call("CreateStack", { StackName: "other", TemplateBody: JSON.stringify(body) });
    expect(aws.backend.live.get("thing-2")).toEqual({ Value: "thing-1" });
    await aws.call("DeleteStack", { StackName: "demo" });
    expect((await aws.stack()).StackStatusReason).toBe("Export shared cannot be deleted as it is in use by other");
    expect(await aws.call("ListImports", { ExportName: "shared" })).toEqual({ Imports: ["other"] });
  });
});
