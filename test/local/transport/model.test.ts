import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { SNSClient } from "@aws-sdk/client-sns";
import { describe, expect, it } from "vitest";
import { byName, CATALOG, type ServiceEntry } from "../../../lib/local/transport/catalog.ts";
import { loadModel, requiredMembers, traitsOf } from "../../../lib/local/transport/model.ts";

const entry = (name: string) => byName.get(name) as ServiceEntry;

describe("the schemas that the SDK clients export", () => {
  it.each(CATALOG.map(({ name }) => name))("hold every operation of %s with its input and output", async (name) => {
    const exports = (await entry(name).load()) as Record<string, unknown>;
    const commands = Object.keys(exports).filter((key) => /^[A-Z]\w+Command$/.test(key) && key !== "$Command");
    const { operations } = await loadModel(entry(name));
    expect([...operations.keys()].sort()).toEqual(commands.map((key) => key.replace(/Command$/, "")).sort());
  });

  it("tell method, path and status of REST operations", async () => {
    const { operations } = await loadModel(entry("lambda"));
    expect(operations.get("CreateAlias")?.http).toEqual(["POST", "/2015-03-31/functions/{FunctionName}/aliases", 201]);
  });

  it("tell where members are bound", async () => {
    const { operations } = await loadModel(entry("lambda"));
    const input = operations.get("Invoke")?.input;
    const traits = (name: string) => traitsOf(input!.getMemberSchema(name));
    expect(traits("FunctionName").httpLabel).toBeTruthy();
    expect(traits("Qualifier").httpQuery).toBe("Qualifier");
    expect(traits("InvocationType").httpHeader).toBe("X-Amz-Invocation-Type");
    expect(traits("Payload").httpPayload).toBeTruthy();
  });

  it("tell which members are required", async () => {
    const { operations } = await loadModel(entry("lambda"));
    expect(requiredMembers(operations.get("CreateAlias")!.input)).toEqual(["FunctionName", "Name", "FunctionVersion"]);
  });

  it("tell status and query code of errors", async () => {
    const cloudwatch = await loadModel(entry("cloudwatch"));
    expect(cloudwatch.errors.get("LimitExceededFault")).toMatchObject({ status: 400, queryCode: "LimitExceeded" });
    const lambda = await loadModel(entry("lambda"));
    expect(lambda.errors.get("PreconditionFailedException")?.status).toBe(412);
  });

  it("agree with the targets and versions of the catalog", () => {
    const settings = (client: { config: object }) =>
      (client.config as { protocolSettings: { serviceTarget: string; version: string } }).protocolSettings;
    expect(settings(new CloudWatchClient({ region: "x" }))).toMatchObject({
      serviceTarget: entry("cloudwatch").target,
      version: entry("cloudwatch").version,
    });
    expect(settings(new SNSClient({ region: "x" })).version).toBe(entry("sns").version);
  });
});
