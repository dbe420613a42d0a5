import { zipSync } from "fflate";
import { afterAll, beforeEach, expect, it } from "vitest";
import type { LocalAws } from "../../../lib/local/index.ts";
import { call, drive, LocalScene } from "../../adapters/local-scene.ts";

const scene = new LocalScene("2026-03-02T12:00:00.000Z");
let aws: LocalAws;
beforeEach(async () => {
  aws = await scene.open();
});
afterAll(() => scene.close());

/** Answers what `reply`, the body of a function of the event, makes. */
async function provider(reply: string): Promise<string> {
  const code = `export const handler = async (event) => {
    console.log(JSON.stringify(event));
    const reply = ((event) => {${reply}})(event);
    if (!reply) return;
    const { StackId, RequestId, LogicalResourceId } = event;
    const body = { Status: "SUCCESS", PhysicalResourceId: "mine", StackId, RequestId, LogicalResourceId, ...reply };
    await fetch(event.ResponseURL, { method: "PUT", body: new TextEncoder().encode(JSON.stringify(body)) });
  };`;
  const trust = { Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "lambda.amazonaws.com" } };
  const AssumeRolePolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: [trust] });
  const { Role } = await call(aws, "iam", "CreateRole", { RoleName: "provider", AssumeRolePolicyDocument });
  const { FunctionArn } = await call(aws, "lambda", "CreateFunction", {
    FunctionName: "provider",
    Runtime: "nodejs20.x",
    Handler: "index.handler",
    Role: Role.Arn,
    Code: { ZipFile: zipSync({ "index.mjs": new TextEncoder().encode(code) }) },
  });
  await aws.clock.advanceBy(1000);
  return FunctionArn;
}

async function deploy(token: string, properties: Record<string, unknown>, verb = "CreateStack"): Promise<string> {
  const Thing = { Type: "Custom::Thing", Properties: { ServiceToken: token, ...properties } };
  const TemplateBody = JSON.stringify({
    Resources: { Thing },
    Outputs: { Said: { Value: { "Fn::GetAtt": ["Thing", "Said"] } } },
  });
  await drive(aws, call(aws, "cloudformation", verb, { StackName: "app", TemplateBody }));
  await drive(aws, aws.services.cloudformation.settled("app"), 10_000);
  const { Stacks } = await call(aws, "cloudformation", "DescribeStacks", { StackName: "app" });
  return `${Stacks[0].StackStatus} ${Stacks[0].Outputs?.[0]?.OutputValue ?? ""}`.trim();
}

const reasons = async () => {
  const { StackEvents } = await call(aws, "cloudformation", "DescribeStackEvents", { StackName: "app" });
  return StackEvents.map((event: { ResourceStatusReason?: string }) => event.ResourceStatusReason).join("\n");
};

it("a custom resource gets its properties as texts, and its answer's data are its attributes", async () => {
  const token = await provider(
    'const p = event.ResourceProperties; return { Data: { Said: event.RequestType + " " + JSON.stringify([p.Count, p.On]) } };',
  );
  expect(await deploy(token, { Count: 3, On: true })).toBe('CREATE_COMPLETE Create ["3","true"]');
});

it("an update tells the properties of before, and is not asked for when nothing changed", async () => {
  const token = await provider(
    'return { Data: { Said: [event.RequestType, event.OldResourceProperties?.Count, event.PhysicalResourceId].join(" ") } };',
  );
  await deploy(token, { Count: 1 });
  expect(await deploy(token, { Count: 2 }, "UpdateStack")).toBe("UPDATE_COMPLETE Update 1 mine");
  await expect(deploy(token, { Count: 2 }, "UpdateStack")).rejects.toThrow("No updates are to be performed");
});

it("a FAILED answer fails the stack with its reason", async () => {
  const token = await provider(
    'return event.RequestType === "Delete" ? {} : { Status: "FAILED", Reason: "not today" };',
  );
  expect(await deploy(token, {})).toBe("ROLLBACK_COMPLETE");
  expect(await reasons()).toContain(
    "Received response status [FAILED] from custom resource. Message returned: not today",
  );
});

it("no answer fails it after its service timeout", async () => {
  const token = await provider('return event.RequestType === "Delete" ? {} : undefined;');
  expect(await deploy(token, { ServiceTimeout: 60 })).toBe("ROLLBACK_COMPLETE");
  expect(await reasons()).toContain("CloudFormation did not receive a response from your custom resource");
});
