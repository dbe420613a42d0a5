import { describe, expect, it } from "vitest";
import { command as deploy } from "../../scripts/deploy.ts";
import { command as doctor } from "../../scripts/doctor.ts";
import { publish } from "../adapters/local-scene.ts";
import { DoctorScene, release } from "./doctor-scene.ts";
import { Harness } from "./harness.ts";

const GROUP = "/aws/lambda/orders";
interface Told {
  code: string;
  severity: string;
  message: string;
}

describe("what the next release will be judged by", () => {
  it("is a note of the doctor's where it is not the log: nothing is to be repaired, and it exits 0", async () => {
    const harness = new Harness();
    harness.guarded("orders", "1");
    harness.logGroups.groups.set(GROUP, { logGroupClass: "INFREQUENT_ACCESS" });
    const ran = await harness.run(doctor, "--functions", "orders", "--repair", "--json");
    expect(ran.exitCode).toBe(0);
    expect(ran.json()).toMatchObject({
      message: "1 alias examined, nothing to repair; 1 note",
      findings: [{ code: "log-not-counted", severity: "note" }],
    });
    expect(harness.ports.subscriptions.calls.log.map(({ operation }) => operation)).not.toContain("put");
  });

  it("is looked at without the doctor failing when it may not be", async () => {
    const harness = new Harness();
    harness.guarded("orders", "1");
    harness.logGroups.calls.fail("look");
    const ran = await harness.run(doctor, "--functions", "orders", "--json");
    expect(ran.exitCode).toBe(0);
    expect(ran.json()).toMatchObject({ findings: [], warnings: [expect.stringContaining(GROUP)] });
  });

  it("is said by deploy before it starts anything", async () => {
    const harness = new Harness();
    harness.guarded("orders", "1");
    harness.logGroups.groups.set(GROUP, { filters: ["siem", "search"] });
    const ran = await harness.run(deploy, "--function-name", "orders", "--version", "2", "--dry-run", "--json");
    const { warnings } = ran.json() as { warnings: string[] };
    expect(warnings.filter((line) => line.includes("siem, search"))).toHaveLength(1);
  });

  it("is found on the local AWS, one obstacle after the other", { timeout: 60_000 }, async () => {
    const scene = await DoctorScene.start();
    const notes = async (): Promise<Told[]> => {
      const ran = await scene.run(doctor, "--functions", "orders", "--json");
      expect(ran.exitCode).toBe(0);
      return ran.json().findings as Told[];
    };
    const expectOne = async (text: string) => {
      const told = { code: "log-not-counted", severity: "note", message: expect.stringContaining(text) };
      expect(await notes()).toMatchObject([told]);
    };
    const logs = (operation: string, input: Record<string, unknown>) =>
      scene.call("cloudwatch-logs", operation, { logGroupName: GROUP, ...input });
    try {
      const Value = JSON.stringify({
        schemaVersion: 1,
        functionName: "orders",
        alias: "live",
        deploymentGroup: "orders-deployment-group",
      });
      const Properties = { Name: "/goaround/dev/orders/live", Type: "String", Value };
      await scene.deploy(release("B", { Policy: { Type: "AWS::SSM::Parameter", Properties } }));
      await expectOne(`${GROUP} does not exist`);
      await logs("CreateLogGroup", { logGroupClass: "INFREQUENT_ACCESS" });
      await expectOne("INFREQUENT_ACCESS");
      await logs("DeleteLogGroup", {});
      await logs("CreateLogGroup", {});
      await expectOne("may not hand log group");
      await publish(scene.aws, "goaround-dev-signals", ["return 1"]);
      const mayInvoke = (id: string, sourceArn: string) =>
        scene.call("lambda", "AddPermission", {
          FunctionName: "goaround-dev-signals",
          StatementId: id,
          Action: "lambda:InvokeFunction",
          Principal: "logs.amazonaws.com",
          SourceAccount: "111122223333",
          SourceArn: sourceArn,
        });
      await mayInvoke("others", "arn:aws:logs:us-east-1:111122223333:log-group:/aws/lambda/shop-*:*");
      await expectOne("may not hand log group");
      await mayInvoke("ours", "arn:aws:logs:us-east-1:111122223333:log-group:/aws/lambda/ord*:*");
      expect(await notes()).toEqual([]);
      for (const filterName of ["siem", "search"]) {
        const destinationArn = "arn:aws:lambda:us-east-1:111122223333:function:goaround-dev-signals";
        await logs("PutSubscriptionFilter", { filterName, filterPattern: "", destinationArn });
      }
      await expectOne("siem, search");
      await logs("DeleteSubscriptionFilter", { filterName: "siem" });
      await scene.call("lambda", "UpdateFunctionConfiguration", {
        FunctionName: "orders",
        LoggingConfig: { LogFormat: "JSON", SystemLogLevel: "WARN" },
      });
      await expectOne("what would be published next has the system log level WARN");
      await scene.call("lambda", "UpdateFunctionConfiguration", {
        FunctionName: "orders",
        LoggingConfig: { LogFormat: "JSON", SystemLogLevel: "INFO" },
      });
      expect(await notes()).toEqual([]);
      // What is drawn from a model is in no log that nobody subscribes to, as if the function's role could not write it.
      await logs("DeleteSubscriptionFilter", { filterName: "search" });
      await scene.aws.clock.advanceBy(2 * 3_600_000);
      await scene.pass(60_000);
      await scene.aws.clock.advanceBy(3 * 3_600_000);
      await expectOne("holds nothing, although the alias had");
    } finally {
      await scene.aws.close();
    }
  });
});
