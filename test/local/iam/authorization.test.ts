import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createWorld, type LocalAwsCore } from "../../../lib/local/index.ts";
import type { Principal } from "../../../lib/local/kernel/service.ts";
import { RULES } from "../../../lib/local/services/iam/authorization/table.ts";
import { handler } from "../lambda/fixtures.ts";

const ACCOUNT = "111122223333";
const roleArn = (name: string) => `arn:aws:iam::${ACCOUNT}:role/${name}`;
const functionArn = (name: string) => `arn:aws:lambda:us-east-1:${ACCOUNT}:function:${name}`;
const policy = (...Statement: object[]) => JSON.stringify({ Version: "2012-10-17", Statement });
const allow = (Action: string | string[], Resource: string | string[] = "*", Condition?: object) => ({
  Effect: "Allow",
  Action,
  Resource,
  ...(Condition && { Condition }),
});
const trusts = (Principal: object, Condition?: object) =>
  policy({ Effect: "Allow", Principal, Action: "sts:AssumeRole", ...(Condition && { Condition }) });

let aws: LocalAwsCore;
let operator: Principal;
beforeEach(() => {
  aws = createWorld({ startMs: Date.UTC(2026, 0, 1) });
  operator = aws.world.credentials.principalFor(undefined);
});
afterEach(() => aws.close());

// biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
const call = (service: string, operation: string, input: object, principal = operator): Promise<any> =>
  aws.world.call(service, operation, input as Record<string, unknown>, principal);
const refused = async (...args: Parameters<typeof call>) => {
  const error = await call(...args).then(
    () => undefined,
    (thrown: { code: string; message: string; status: number }) => thrown,
  );
  return error && { code: error.code, status: error.status, message: error.message };
};

/** A role with these statements, and a session of it. */
async function session(name: string, statements: object[], rest: object = {}): Promise<Principal> {
  const RoleName = name;
  const AssumeRolePolicyDocument = trusts({ AWS: ACCOUNT });
  await call("iam", "CreateRole", { RoleName, AssumeRolePolicyDocument, ...rest });
  const PolicyDocument = policy(...statements);
  if (statements.length > 0) await call("iam", "PutRolePolicy", { RoleName, PolicyName: "own", PolicyDocument });
  return aws.world.rolePrincipal(roleArn(name), "s");
}

async function createFunction(name: string): Promise<void> {
  const role = `${name}-role`;
  const AssumeRolePolicyDocument = trusts({ Service: "lambda.amazonaws.com" });
  await call("iam", "CreateRole", { RoleName: role, AssumeRolePolicyDocument });
  await call("lambda", "CreateFunction", {
    FunctionName: name,
    Role: roleArn(role),
    Runtime: "nodejs20.x",
    Handler: "index.handler",
    Code: { ZipFile: handler("return 1") },
  });
}

describe("the table of rules", () => {
  it("has each operation of each service, so that nothing is denied for want of a rule", () => {
    const services = Object.keys(RULES).map((name) => aws.world.service(name));
    expect(services).not.toContain(undefined);
    const missing = Object.values(aws.services).flatMap(({ name, operations }) =>
      Object.keys(operations)
        .filter((operation) => !RULES[name]?.[operation])
        .map((operation) => `${name} ${operation}`),
    );
    expect(missing).toEqual([]);
  });

  it("denies an operation that it lacks to everybody, and says where to add it", async () => {
    aws.world.register({ name: "newcomer", operations: { DoIt: () => ({}) }, reset: () => undefined });
    const answer = await refused("newcomer", "DoIt", {});
    expect(answer?.code).toBe("AccessDeniedException");
    expect(answer?.message).toContain("no rule for this operation; add one to the table in lib/local/services/iam");
  });
});

describe("a principal", () => {
  it("at the terminal is the account's administrator", async () => {
    await createFunction("f");
    expect(await call("lambda", "GetFunctionConfiguration", { FunctionName: "f" })).toMatchObject({
      FunctionName: "f",
    });
  });

  it("without a policy is denied in the words of AWS", async () => {
    await createFunction("f");
    const nobody = await session("nobody", []);
    expect(await refused("lambda", "UpdateFunctionCode", { FunctionName: "f" }, nobody)).toEqual({
      code: "AccessDeniedException",
      status: 403,
      message:
        `User: arn:aws:sts::${ACCOUNT}:assumed-role/nobody/s is not authorized to perform: lambda:UpdateFunctionCode on ` +
        `resource: ${functionArn("f")} because no identity-based policy allows the lambda:UpdateFunctionCode action`,
    });
  });

  it.each([
    ["codedeploy", "ListApplications", {}, "AccessDeniedException", 400, "codedeploy:ListApplications because"],
    ["iam", "GetRole", { RoleName: "r" }, "AccessDenied", 403, "iam:GetRole on resource: "],
    ["sns", "Publish", { TopicArn: "arn:aws:sns:us-east-1:1:t" }, "AuthorizationErrorException", 403, "SNS:Publish on"],
    [
      "sqs",
      "SendMessage",
      { QueueUrl: "http://h/1/q" },
      "AccessDeniedException",
      403,
      "sqs:sendmessage on resource: arn",
    ],
    ["s3", "GetObject", { Bucket: "b", Key: "k" }, "AccessDenied", 403, 's3:GetObject on resource: "arn:aws:s3:::b/k"'],
    ["appconfig", "ListApplications", {}, "AccessDeniedException", 403, "appconfig:ListApplications because"],
  ])("is denied %s %s with that service's own error", async (service, operation, input, code, status, text) => {
    const answer = await refused(service, operation, input, await session("nobody", []));
    expect(answer).toMatchObject({ code, status });
    expect(answer?.message).toContain(text);
  });

  it("gets what its inline and attached policies allow, on those resources", async () => {
    await createFunction("f");
    await createFunction("g");
    const reader = await session("reader", [allow("lambda:GetAlias", functionArn("f"))]);
    const { Policy } = await call("iam", "CreatePolicy", {
      PolicyName: "more",
      PolicyDocument: policy(allow("lambda:GetFunctionConfiguration", functionArn("f"))),
    });
    await call("iam", "AttachRolePolicy", { RoleName: "reader", PolicyArn: Policy.Arn });
    expect((await refused("lambda", "GetAlias", { FunctionName: "f", Name: "live" }, reader))?.code).toBe(
      "ResourceNotFoundException",
    );
    await call("lambda", "GetFunctionConfiguration", { FunctionName: "f" }, reader);
    expect((await refused("lambda", "GetFunctionConfiguration", { FunctionName: "g" }, reader))?.status).toBe(403);
    await call("iam", "DetachRolePolicy", { RoleName: "reader", PolicyArn: Policy.Arn });
    expect((await refused("lambda", "GetFunctionConfiguration", { FunctionName: "f" }, reader))?.status).toBe(403);
  });

  it("may not do what a policy denies it, and not more than its boundary", async () => {
    const limited = await session("limited", [
      allow("*"),
      { Effect: "Deny", Action: "lambda:UpdateAlias", Resource: "*" },
    ]);
    const input = { FunctionName: "f", Name: "live" };
    expect((await refused("lambda", "UpdateAlias", input, limited))?.message).toContain(
      "with an explicit deny in an identity-based policy",
    );
    const { Policy } = await call("iam", "CreatePolicy", {
      PolicyName: "b",
      PolicyDocument: policy(allow("lambda:*")),
    });
    const bounded = await session("bounded", [allow("*")], { PermissionsBoundary: Policy.Arn });
    await call("lambda", "ListFunctions", {}, bounded);
    expect((await refused("sns", "ListTopics", {}, bounded))?.message).toContain("no permissions boundary allows");
  });

  it("is denied, with the name of what is not known, where a policy cannot be evaluated", async () => {
    const byAddress = await session("r1", [allow("lambda:*", "*", { IpAddress: { "aws:SourceIp": "127.0.0.1" } })]);
    expect((await refused("lambda", "ListFunctions", {}, byAddress))?.message).toContain("key aws:SourceIp");
    const byBytes = await session("r2", [allow("lambda:*", "*", { BinaryEquals: { "aws:userid": "QQ==" } })]);
    expect((await refused("lambda", "ListFunctions", {}, byBytes))?.message).toContain("operator BinaryEquals");
    const managed = await session("r3", []);
    const PolicyArn = "arn:aws:iam::aws:policy/AmazonEC2FullAccess";
    await call("iam", "AttachRolePolicy", { RoleName: "r3", PolicyArn });
    expect((await refused("lambda", "ListFunctions", {}, managed))?.message).toContain("AmazonEC2FullAccess");
  });

  it("can be told apart by the tags of its role and of the resource", async () => {
    await call("sns", "CreateTopic", { Name: "ours", Tags: [{ Key: "team", Value: "shop" }] });
    await call("sns", "CreateTopic", { Name: "theirs", Tags: [{ Key: "team", Value: "blog" }] });
    const sameTeam = { StringEquals: { "aws:ResourceTag/team": `$\{aws:PrincipalTag/team}` } };
    const member = await session("member", [allow("sns:GetTopicAttributes", "*", sameTeam)], {
      Tags: [{ Key: "team", Value: "shop" }],
    });
    const read = (name: string) =>
      refused("sns", "GetTopicAttributes", { TopicArn: `arn:aws:sns:us-east-1:${ACCOUNT}:${name}` }, member);
    expect(await read("ours")).toBeUndefined();
    expect((await read("theirs"))?.status).toBe(403);
  });

  it("needs all of several resources, and the namespace that a condition names", async () => {
    const alarm = (name: string) => `arn:aws:cloudwatch:us-east-1:${ACCOUNT}:alarm:${name}`;
    const role = await session("r", [
      allow("cloudwatch:DescribeAlarms", alarm("a*")),
      allow("cloudwatch:PutMetricData", "*", { StringEquals: { "cloudwatch:namespace": "Mine" } }),
    ]);
    const both = ["MetricAlarm", "CompositeAlarm"];
    await call("cloudwatch", "DescribeAlarms", { AlarmNames: ["a1", "a2"], AlarmTypes: both }, role);
    expect((await refused("cloudwatch", "DescribeAlarms", { AlarmNames: ["a1", "b"] }, role))?.message).toContain(
      alarm("b"),
    );
    expect((await refused("cloudwatch", "DescribeAlarms", {}, role))?.status).toBe(403);
    const MetricData = [{ MetricName: "m", Value: 1 }];
    await call("cloudwatch", "PutMetricData", { Namespace: "Mine", MetricData }, role);
    expect((await refused("cloudwatch", "PutMetricData", { Namespace: "Other", MetricData }, role))?.status).toBe(403);
  });
});

describe("items of a table", () => {
  const table = `arn:aws:dynamodb:us-east-1:${ACCOUNT}:table/books`;
  const leading = (...keys: string[]) => ({ "ForAllValues:StringLike": { "dynamodb:LeadingKeys": keys } });
  const Key = (pk: string) => ({ pk: { S: pk }, sk: { N: "1" } });
  const TableName = "books";
  beforeEach(() =>
    call("dynamodb", "CreateTable", {
      ...{ TableName, BillingMode: "PAY_PER_REQUEST" },
      AttributeDefinitions: ["pk", "holder"]
        .map((AttributeName) => ({ AttributeName, AttributeType: "S" }))
        .concat([{ AttributeName: "sk", AttributeType: "N" }]),
      // The order in which a request names its attributes says nothing.
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: "by-holder",
          KeySchema: [{ AttributeName: "holder", KeyType: "HASH" }],
          Projection: { ProjectionType: "ALL" },
        },
      ],
    }),
  );

  it("are told apart by their partition keys, in every way to name them", async () => {
    const actions = ["GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "BatchGetItem", "BatchWriteItem"];
    const role = await session("r", [
      allow(
        actions.map((action) => `dynamodb:${action}`),
        [table, `${table}/index/*`],
        leading("mine#*", "shared"),
      ),
    ]);
    const ask = (KeyConditionExpression: string, pk: string, more: object = {}) => ({
      ...{ TableName, KeyConditionExpression, ExpressionAttributeValues: { ":pk": { S: pk } }, ...more },
    });
    const named = { ExpressionAttributeNames: { "#p": "pk" } };
    const old = (pk: string) => ({
      KeyConditions: { pk: { ComparisonOperator: "EQ", AttributeValueList: [{ S: pk }] } },
    });
    const ways: [string, (pk: string) => object][] = [
      ["GetItem", (pk) => ({ TableName, Key: { sk: { N: "1" }, pk: { S: pk } } })],
      ["GetItem", (pk) => ({ TableName: table, Key: Key(pk) })],
      ["PutItem", (pk) => ({ TableName, Item: { note: { S: "mine#" }, ...Key(pk) } })],
      ["UpdateItem", (pk) => ({ TableName, Key: Key(pk) })],
      ["DeleteItem", (pk) => ({ TableName, Key: Key(pk) })],
      ["Query", (pk) => ask("#p = :pk", pk, named)],
      ["Query", (pk) => ({ TableName, ...old(pk) })],
      ["Query", (pk) => ask("holder = :pk", pk, { IndexName: "by-holder" })],
      ["BatchGetItem", (pk) => ({ RequestItems: { books: { Keys: [Key("shared"), Key(pk)] } } })],
      ["BatchWriteItem", (pk) => ({ RequestItems: { books: [{ DeleteRequest: { Key: Key(pk) } }] } })],
      ["BatchWriteItem", (pk) => ({ RequestItems: { books: [{ PutRequest: { Item: Key(pk) } }] } })],
    ];
    for (const [operation, inputOf] of ways) {
      expect([operation, await refused("dynamodb", operation, inputOf("mine#1"), role)]).toEqual([
        operation,
        undefined,
      ]);
      expect([operation, (await refused("dynamodb", operation, inputOf("theirs#1"), role))?.code]).toEqual([
        operation,
        "AccessDeniedException",
      ]);
    }
  });

  it("have no keys in a scan: a policy that asks for some must not allow one, or ask that they be there", async () => {
    const scan = "dynamodb:Scan";
    const loose = await session("loose", [allow(scan, table, leading("mine#*"))]);
    expect(await refused("dynamodb", "Scan", { TableName }, loose)).toBeUndefined();
    const strict = await session("strict", [
      allow(scan, table, { ...leading("mine#*"), Null: { "dynamodb:LeadingKeys": "false" } }),
    ]);
    expect((await refused("dynamodb", "Scan", { TableName }, strict))?.code).toBe("AccessDeniedException");
  });

  it("are not read with a key that cannot be told, where a policy asks for it", async () => {
    const role = await session("r", [allow(["dynamodb:GetItem", "dynamodb:Query"], table, leading("mine#*"))]);
    const nothing = {
      TableName,
      KeyConditionExpression: ":pk = pk",
      ExpressionAttributeValues: { ":pk": { S: "mine#" } },
    };
    expect((await refused("dynamodb", "Query", nothing, role))?.message).toContain("dynamodb:LeadingKeys");
    expect((await refused("dynamodb", "GetItem", { TableName, Key: {} }, role))?.message).toContain("LeadingKeys");
    const other = await session("other", [allow("dynamodb:GetItem", table)]);
    expect((await refused("dynamodb", "GetItem", { TableName, Key: {} }, other))?.code).toBe("ValidationException");
  });
});

describe("sessions", () => {
  const assume = (name: string, principal = operator) =>
    refused("sts", "AssumeRole", { RoleArn: roleArn(name), RoleSessionName: "me" }, principal);

  it("are given to whom the role trusts: the account's administrators, a role by its ARN, nobody else", async () => {
    const caller = await session("caller", []);
    await call("iam", "CreateRole", { RoleName: "open", AssumeRolePolicyDocument: trusts({ AWS: ACCOUNT }) });
    await call("iam", "CreateRole", {
      RoleName: "named",
      AssumeRolePolicyDocument: trusts({ AWS: roleArn("caller") }),
    });
    expect(await assume("open")).toBeUndefined();
    expect(await assume("named", caller)).toBeUndefined();
    expect(await assume("open", caller)).toEqual({
      code: "AccessDenied",
      status: 403,
      message: `User: ${caller.arn} is not authorized to perform: sts:AssumeRole on resource: ${roleArn("open")}`,
    });
    expect((await assume("named"))?.code).toBe("AccessDenied");
  });

  it("that AWS services take need a role that trusts the service, for the resource it names", async () => {
    const group = `arn:aws:codedeploy:us-east-1:${ACCOUNT}:deploymentgroup:app/group`;
    const condition = { StringEquals: { "aws:SourceAccount": ACCOUNT, "aws:SourceArn": group } };
    await call("iam", "CreateRole", {
      RoleName: "deploy",
      AssumeRolePolicyDocument: trusts({ Service: "codedeploy.amazonaws.com" }, condition),
    });
    const PolicyDocument = policy(allow("lambda:ListFunctions"));
    await call("iam", "PutRolePolicy", { RoleName: "deploy", PolicyName: "p", PolicyDocument });
    const as = (service: string, sourceArn?: string) =>
      refused("lambda", "ListFunctions", {}, aws.world.rolePrincipal(roleArn("deploy"), "d-1", { service, sourceArn }));
    expect(await as("codedeploy.amazonaws.com", group)).toBeUndefined();
    expect((await as("codedeploy.amazonaws.com", `${group}2`))?.message).toContain("sts:AssumeRole");
    expect((await as("codedeploy.amazonaws.com"))?.status).toBe(403);
    expect((await as("lambda.amazonaws.com", group))?.status).toBe(403);
  });
});

describe("roles that are passed", () => {
  const create = (role: string, principal = operator) =>
    refused(
      "lambda",
      "CreateFunction",
      {
        FunctionName: "f",
        Role: roleArn(role),
        Runtime: "nodejs20.x",
        Handler: "index.handler",
        Code: { ZipFile: handler("return 1") },
      },
      principal,
    );

  it("must exist and trust Lambda", async () => {
    const answer = {
      code: "InvalidParameterValueException",
      status: 400,
      message: "The role defined for the function cannot be assumed by Lambda.",
    };
    expect(await create("none")).toEqual(answer);
    await call("iam", "CreateRole", {
      RoleName: "other",
      AssumeRolePolicyDocument: trusts({ Service: "codedeploy.amazonaws.com" }),
    });
    expect(await create("other")).toEqual(answer);
  });

  it("must trust CodeDeploy to serve a deployment group", async () => {
    await call("codedeploy", "CreateApplication", { applicationName: "app", computePlatform: "Lambda" });
    const answer = await refused("codedeploy", "CreateDeploymentGroup", {
      applicationName: "app",
      deploymentGroupName: "group",
      serviceRoleArn: roleArn("none"),
    });
    expect(answer?.code).toBe("InvalidRoleException");
  });

  it("need iam:PassRole for that service", async () => {
    await call("iam", "CreateRole", {
      RoleName: "worker",
      AssumeRolePolicyDocument: trusts({ Service: "lambda.amazonaws.com" }),
    });
    const pass = (service: string) =>
      allow("iam:PassRole", roleArn("worker"), { StringEquals: { "iam:PassedToService": service } });
    const create1 = allow("lambda:CreateFunction", functionArn("f"));
    const denied = await create("worker", await session("r1", [create1, pass("ec2.amazonaws.com")]));
    expect(denied?.message).toContain(`iam:PassRole on resource: ${roleArn("worker")}`);
    expect(await create("worker", await session("r2", [create1, pass("lambda.amazonaws.com")]))).toBeUndefined();
  });
});

describe("policies of resources", () => {
  it("let AWS services invoke a function only for the source that the permission names", async () => {
    await createFunction("f");
    const rule = (name: string) => `arn:aws:events:us-east-1:${ACCOUNT}:rule/${name}`;
    const invoke = (sourceArn?: string) =>
      refused(
        "lambda",
        "Invoke",
        { FunctionName: functionArn("f"), InvocationType: "Event" },
        aws.world.servicePrincipal("events.amazonaws.com", sourceArn),
      );
    expect((await invoke(rule("ours")))?.message).toContain(
      "no resource-based policy allows the lambda:InvokeFunction",
    );
    await call("lambda", "AddPermission", {
      FunctionName: "f",
      StatementId: "s",
      Action: "lambda:InvokeFunction",
      Principal: "events.amazonaws.com",
      SourceArn: rule("ours"),
    });
    expect(await invoke(rule("ours"))).toBeUndefined();
    expect((await invoke(rule("theirs")))?.status).toBe(403);
    expect((await invoke())?.status).toBe(403);
  });

  it("add to what a role may do, and can deny it", async () => {
    const { QueueUrl } = await call("sqs", "CreateQueue", { QueueName: "q" });
    const role = await session("r", []);
    const queue = `arn:aws:sqs:us-east-1:${ACCOUNT}:q`;
    const send = () => refused("sqs", "SendMessage", { QueueUrl, MessageBody: "m" }, role);
    const set = (...statements: object[]) =>
      call("sqs", "SetQueueAttributes", { QueueUrl, Attributes: { Policy: policy(...statements) } });
    const grant = { ...allow("sqs:SendMessage", queue), Principal: { AWS: role.roleArn } };
    expect((await send())?.status).toBe(403);
    await set(grant);
    expect(await send()).toBeUndefined();
    const insecure = { Bool: { "aws:SecureTransport": "false" } };
    const deny = { Effect: "Deny", Principal: "*", Action: "sqs:*", Resource: queue };
    await set(grant, { ...deny, Condition: insecure });
    expect(await send()).toBeUndefined();
    await set(grant, deny);
    expect((await send())?.message).toContain("with an explicit deny in a resource-based policy");
  });

  it("of a topic let alarms publish by default, and nothing else of AWS", async () => {
    const { TopicArn } = await call("sns", "CreateTopic", { Name: "t" });
    const publish = (service: string) =>
      refused("sns", "Publish", { TopicArn, Message: "m" }, aws.world.servicePrincipal(service, "arn:aws:x:y:z:a"));
    expect(await publish("cloudwatch.amazonaws.com")).toBeUndefined();
    expect((await publish("events.amazonaws.com"))?.code).toBe("AuthorizationErrorException");
  });

  it("of a key stand between a topic that it encrypts and who publishes", async () => {
    const role = await session("r", [allow("sns:Publish")]);
    const root = { AWS: `arn:aws:iam::${ACCOUNT}:root` };
    const { KeyMetadata } = await call("kms", "CreateKey", {
      Policy: policy({ ...allow("kms:*"), Principal: root }),
    });
    const { TopicArn } = await call("sns", "CreateTopic", {
      Name: "t",
      Attributes: { KmsMasterKeyId: KeyMetadata.KeyId },
    });
    const publish = (principal: Principal) => refused("sns", "Publish", { TopicArn, Message: "m" }, principal);
    expect(await publish(role)).toMatchObject({ code: "KMSAccessDeniedException", status: 400 });
    const PolicyDocument = policy(allow(["kms:GenerateDataKey", "kms:Decrypt"], KeyMetadata.Arn));
    await call("iam", "PutRolePolicy", { RoleName: "r", PolicyName: "key", PolicyDocument });
    expect(await publish(role)).toBeUndefined();
    const alarms = aws.world.servicePrincipal("cloudwatch.amazonaws.com", "arn:aws:cloudwatch:y:z:alarm:a");
    expect((await publish(alarms))?.code).toBe("KMSAccessDeniedException");
  });
});

describe("a world", () => {
  it("tells observers whom it denied what", async () => {
    const seen: unknown[] = [];
    aws.world.observe(({ kind, detail }) => kind === "access-denied" && seen.push(detail));
    const nobody = await session("nobody", []);
    await refused("lambda", "ListFunctions", {}, nobody);
    expect(seen).toEqual([expect.objectContaining({ principal: nobody.arn, action: "lambda:ListFunctions" })]);
  });
});
