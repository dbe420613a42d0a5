import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { afterAll, describe, expect, it } from "vitest";
import { GuardedFunction } from "../../lib/constructs/guarded-function.ts";
import type { ReplayProps } from "../../lib/constructs/replay.ts";
import { guardedStack, guardIn, identityStatements, lambdaIn, ofType, text } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "goaround-events-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: string) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const order = file("order.json", '{ "order": 1 }');
const dead = { queueName: "orders-dead", holds: "events" } as const;
const withReplay = (replay: ReplayProps) => guardedStack({ replay });

describe("replay of past events", () => {
  it("keeps each recorded event beside the policy, and the alias waits for it", () => {
    const template = withReplay({ events: [order], deadLetters: [dead] }).template();
    const parameters = template.findResources("AWS::SSM::Parameter");
    const [[id, event] = []] = Object.entries(parameters).filter(([, { Properties }]) =>
      String(Properties.Name).endsWith("/events/order"),
    );
    expect(event?.Properties).toMatchObject({
      Name: "/goaround/dev/shop-checkout/live/events/order",
      Value: '{"order":1}',
    });
    const [alias] = ofType(template, "AWS::Lambda::Alias");
    const [rights] = Object.keys(
      template.findResources("AWS::IAM::Policy", { Properties: { PolicyName: "goaround-replay-shop-checkout.live" } }),
    );
    expect(alias?.DependsOn).toEqual(expect.arrayContaining([id, rights]));
  });

  it("is part of the policy, by names", () => {
    expect(withReplay({ events: [order], deadLetters: [dead], seconds: 30 }).guarded.policy.replay).toMatchObject({
      events: ["order"],
      deadLetters: [{ queue: "orders-dead", holds: "events", most: 5 }],
      seconds: 30,
      andBack: false,
    });
    expect(guardedStack().guarded.policy.replay).toBeUndefined();
  });

  it("lets the hook before the traffic look into those queues, and no other, and delete nothing", () => {
    const template = withReplay({ deadLetters: [dead] }).template();
    const own = identityStatements(template).filter(({ actions }) =>
      actions.some((action) => action.startsWith("sqs:")),
    );
    expect(own).toHaveLength(1);
    expect(own[0]).toMatchObject({
      actions: ["sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:ChangeMessageVisibility"],
      resources: [expect.stringMatching(/:sqs:.*:orders-dead$/)],
    });
    const [policy] = ofType(template, "AWS::IAM::Policy").filter(({ Properties }) =>
      String(Properties.PolicyName).startsWith("goaround-replay-"),
    );
    expect((policy!.Properties.Roles as unknown[]).map(text)).toEqual(["goaround-dev-pre-traffic-<AWS::Region>"]);
  });

  it("finds that role, and has it before the rights, in an app with both", () => {
    const stack = new Stack(new App(), "Shop");
    new GuardedFunction(stack, "Guarded", {
      guard: guardIn(stack),
      function: lambdaIn(stack),
      replay: { deadLetters: [dead] },
    });
    const template = Template.fromStack(stack);
    const names = ofType(template, "AWS::IAM::Role").flatMap(({ Properties }) =>
      Properties.RoleName === undefined ? [] : [text(Properties.RoleName)],
    );
    expect(names).toContain("goaround-dev-pre-traffic-<AWS::Region>");
    const [hook] = Object.keys(
      template.findResources("AWS::Lambda::Function", { Properties: { FunctionName: "goaround-dev-pre-traffic" } }),
    );
    const [rights] = ofType(template, "AWS::IAM::Policy").filter(({ Properties }) =>
      String(Properties.PolicyName).startsWith("goaround-replay-"),
    );
    expect(rights?.DependsOn).toContain(hook);
  });

  it.each([
    [
      "a file that is not there",
      { events: [join(folder, "none.json")] },
      /replay.events: .*none.json cannot be read as JSON/,
    ],
    ["a file that is no JSON", { events: [file("text.json", "text")] }, /text.json cannot be read as JSON/],
    [
      "an event too large for its parameter",
      { events: [file("large.json", JSON.stringify("x".repeat(9000)))] },
      /is 9002 bytes .* at most 8192/,
    ],
    ["a file without a name to go by", { events: [file("an order.json", "{}")] }, /must be a JSON file/],
    ["two events of one name", { events: [order, order] }, /policy.replay: names order twice/],
    ["nothing to replay", {}, /policy.replay: names neither events nor deadLetters/],
    ["more time than the hook has", { events: [order], seconds: 121 }, /policy.replay.seconds/],
    [
      "an ARN for a name",
      { deadLetters: [{ ...dead, queueName: "arn:aws:sqs:eu:1:q" }] },
      /is not the name of a queue/,
    ],
  ])("refuses %s", (_, replay, message) => {
    expect(() => withReplay(replay)).toThrow(message);
  });
});
