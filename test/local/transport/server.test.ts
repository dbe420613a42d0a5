import { request as httpRequest } from "node:http";
import { CloudWatchClient, ListDashboardsCommand } from "@aws-sdk/client-cloudwatch";
import { CodeDeployClient, GetDeploymentCommand } from "@aws-sdk/client-codedeploy";
import { GetAliasCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { GetBucketLocationCommand, S3Client } from "@aws-sdk/client-s3";
import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { afterEach, describe, expect, it } from "vitest";
import { serveToys } from "./toys.ts";

const servers: { close(): Promise<void> }[] = [];

async function serve(...parameters: Parameters<typeof serveToys>) {
  const toys = await serveToys(...parameters);
  servers.push(toys.server);
  return toys;
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

describe("what is not implemented", () => {
  it.each([
    [
      "JSON",
      (client: object) => new CodeDeployClient(client).send(new GetDeploymentCommand({ deploymentId: "d" })),
      "codedeploy GetDeployment",
    ],
    ["query", (client: object) => new SNSClient(client).send(new PublishCommand({ Message: "m" })), "sns Publish"],
    [
      "REST",
      (client: object) => new LambdaClient(client).send(new GetAliasCommand({ FunctionName: "f", Name: "a" })),
      "lambda GetAlias",
    ],
    [
      "query-compatible JSON",
      (client: object) => new CloudWatchClient(client).send(new ListDashboardsCommand({})),
      "cloudwatch ListDashboards",
    ],
    [
      "S3",
      (client: object) => new S3Client(client).send(new GetBucketLocationCommand({ Bucket: "b" })),
      "s3 GetBucketLocation",
    ],
  ] as const)("answers 501 naming service and operation over %s", async (_protocol, call, what) => {
    const { client } = await serve({});
    await expect(call(client)).rejects.toMatchObject({
      name: "NotImplementedException",
      message: `The local AWS does not implement ${what}.`,
      $metadata: { httpStatusCode: 501 },
    });
  });

  it("names a service that it does not know at all", async () => {
    const { server } = await serve({});
    const reply = await fetch(server.endpoint, {
      method: "POST",
      headers: { ...signed("kinesis"), "x-amz-target": "Kinesis_20131202.PutRecord" },
      body: "{}",
    });
    expect(reply.status).toBe(501);
    expect(await reply.text()).toContain("kinesis PutRecord");
  });
});

describe("who calls, and from where", () => {
  it("maps the access key of issued credentials to their principal, and others to the operator", async () => {
    const { client, world, seen } = await serve({ sts: { GetCallerIdentity: () => ({}) } });
    const credentials = world.credentials.issue(world.rolePrincipal("arn:aws:iam::111122223333:role/R", "s"));
    await new STSClient({ ...client, credentials }).send(new GetCallerIdentityCommand({}));
    await new STSClient(client).send(new GetCallerIdentityCommand({}));
    expect(seen.map(({ context }) => context.principal.arn)).toEqual([
      "arn:aws:sts::111122223333:assumed-role/R/s",
      "arn:aws:iam::111122223333:user/operator",
    ]);
  });

  it("passes the user agent on and answers with the request id that the handler saw", async () => {
    const { client, seen } = await serve({ sts: { GetCallerIdentity: () => ({}) } });
    const reply = await new STSClient({ ...client, customUserAgent: "probe/1" }).send(new GetCallerIdentityCommand({}));
    expect(seen[0]?.context.userAgent).toContain("probe/1");
    expect(reply.$metadata.requestId).toBe(seen[0]?.context.requestId);
  });

  it("tells the world's time beside the Date header, which stays real: SDKs correct their clocks by it", async () => {
    const { server, world } = await serve({});
    const reply = await fetch(`${server.endpoint}/2015-03-31/functions/f/aliases/a`);
    expect(reply.headers.get("x-goaround-date")).toBe(new Date(world.clock.now()).toUTCString());
  });

  it("refuses a request signed for another region, naming both", async () => {
    const { client } = await serve({ lambda: { GetAlias: () => ({}) } }, "eu-central-1");
    const call = new LambdaClient({ ...client, region: "us-west-2" }).send(
      new GetAliasCommand({ FunctionName: "f", Name: "a" }),
    );
    await expect(call).rejects.toMatchObject({
      message: expect.stringMatching(/us-west-2.*eu-central-1/),
      $metadata: { httpStatusCode: 400 },
    });
  });

  it("lets global services be signed for us-east-1 in any region", async () => {
    const { client, seen } = await serve({ sts: { GetCallerIdentity: () => ({}) } }, "eu-central-1");
    await new STSClient({ ...client, region: "us-east-1" }).send(new GetCallerIdentityCommand({}));
    expect(seen).toHaveLength(1);
  });

  it("refuses unsigned requests", async () => {
    const { server, seen } = await serve({ lambda: { GetAlias: () => ({}) } });
    const reply = await fetch(`${server.endpoint}/2015-03-31/functions/f/aliases/a`);
    expect(reply.status).toBe(403);
    expect(seen).toHaveLength(0);
  });

  it("refuses host names that are not loopback", async () => {
    const { server } = await serve({ lambda: { GetAlias: () => ({}) } });
    const status = await new Promise((resolve, reject) => {
      const headers = { ...signed("lambda"), host: "attacker.example" };
      httpRequest(`${server.endpoint}/2015-03-31/functions/f/aliases/a`, { headers }, (reply) => {
        reply.resume();
        resolve(reply.statusCode);
      })
        .on("error", reject)
        .end();
    });
    expect(status).toBe(403);
  });
});

describe("the clock", () => {
  it("stands still between the arrival of a request and the start of its handler", async () => {
    const { server, clock } = await serve({ codedeploy: { GetDeployment: () => ({}) } });
    const startMs = clock.now();
    const whileBusy = clock.whileBusy.bind(clock);
    const arrived = new Promise<void>((resolve) => {
      clock.whileBusy = (work) => {
        resolve();
        return whileBusy(work);
      };
    });
    const replied = new Promise<void>((resolve, reject) => {
      const outgoing = httpRequest(server.endpoint, {
        method: "POST",
        headers: { ...signed("codedeploy"), "x-amz-target": "CodeDeploy_20141006.GetDeployment" },
      });
      outgoing.on("response", (reply) => reply.resume().on("end", resolve));
      outgoing.on("error", reject);
      outgoing.write('{"deploymentId":');
      void arrived
        .then(async () => {
          const advancing = clock.advanceBy(60_000);
          await turns(50);
          expect(clock.now()).toBe(startMs);
          outgoing.end('"d"}');
          await advancing;
        })
        .catch(reject);
    });
    await replied;
  });

  it("is held up by nothing while a handler waits on it", async () => {
    const { client, clock, world } = await serve({
      codedeploy: { GetDeployment: () => clockSleep() },
    });
    const clockSleep = async () => {
      await world.clock.sleep(30_000);
      return { deploymentInfo: { deploymentId: "late" } };
    };
    const call = new CodeDeployClient(client).send(new GetDeploymentCommand({ deploymentId: "d" }));
    while (clock.nextTimerAt() === undefined) await turns(1);
    await clock.advanceBy(30_000);
    expect((await call).deploymentInfo?.deploymentId).toBe("late");
  });
});

describe("control requests", () => {
  const control = (endpoint: string, method: string, path: string, body?: unknown) =>
    fetch(`${endpoint}/_goaround/${path}`, { method, body: body === undefined ? undefined : JSON.stringify(body) });

  it("tell the state and move the clock", async () => {
    const { server, clock } = await serve({});
    const reply = await control(server.endpoint, "POST", "clock", { advanceSeconds: 90 });
    expect(await reply.json()).toMatchObject({ now: "2026-01-01T00:01:30.000Z", region: "us-east-1" });
    expect(clock.now()).toBe(Date.UTC(2026, 0, 1, 0, 1, 30));
  });

  it("inject faults that strike real requests, and remove them", async () => {
    const { server, client } = await serve({ codedeploy: { GetDeployment: () => ({}) } });
    const call = () => new CodeDeployClient(client).send(new GetDeploymentCommand({ deploymentId: "d" }));
    await control(server.endpoint, "POST", "faults", { service: "codedeploy", operation: "*", kind: "throttle" });
    await expect(call()).rejects.toMatchObject({ name: "ThrottlingException" });
    await control(server.endpoint, "DELETE", "faults");
    await expect(call()).resolves.toBeDefined();
  });

  it("list every problem of a wrong body, unknown keys included", async () => {
    const { server } = await serve({});
    const reply = await control(server.endpoint, "POST", "faults", { service: "lambda", kind: "explode", often: 3 });
    expect(reply.status).toBe(400);
    const { message } = (await reply.json()) as { message: string };
    expect(message).toMatch(/operation/);
    expect(message).toMatch(/kind/);
    expect(message).toMatch(/often/);
  });

  it("are refused to web pages", async () => {
    const { server } = await serve({});
    const reply = await fetch(`${server.endpoint}/_goaround/reset`, {
      method: "POST",
      headers: { origin: "https://x.example" },
    });
    expect(reply.status).toBe(403);
  });
});

function signed(service: string): Record<string, string> {
  return {
    authorization: `AWS4-HMAC-SHA256 Credential=AKIDTEST/20260101/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=0`,
  };
}
