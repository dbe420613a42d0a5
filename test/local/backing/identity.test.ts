import {
  AttachRolePolicyCommand,
  CreateRoleCommand,
  DeleteRoleCommand,
  DetachRolePolicyCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  IAMClient,
  ListRolePoliciesCommand,
  PutRolePolicyCommand,
} from "@aws-sdk/client-iam";
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { serve } from "./serve.ts";

let served: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  served = await serve();
});
beforeEach(() => served.aws.reset());
afterAll(() => served.aws.close());

const trust = JSON.stringify({ Version: "2012-10-17", Statement: [] });
const iam = () => new IAMClient(served.client);
const sts = () => new STSClient(served.client);

describe("STS", () => {
  it("knows the person at the terminal as the account's operator", async () => {
    const { Account, Arn } = await sts().send(new GetCallerIdentityCommand({}));
    expect({ Account, Arn }).toEqual({ Account: "111122223333", Arn: "arn:aws:iam::111122223333:user/operator" });
  });

  it("gives credentials that act as the assumed role", async () => {
    const RoleArn = "arn:aws:iam::111122223333:role/cdk-hnb659fds-deploy-role-111122223333-us-east-1";
    const assumed = await sts().send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "cdk" }));
    expect(assumed.Credentials?.Expiration).toEqual(new Date("2026-01-01T01:00:00Z"));
    const credentials = {
      accessKeyId: assumed.Credentials?.AccessKeyId ?? "",
      secretAccessKey: assumed.Credentials?.SecretAccessKey ?? "",
      sessionToken: assumed.Credentials?.SessionToken,
    };
    const identity = await new STSClient({ ...served.client, credentials }).send(new GetCallerIdentityCommand({}));
    expect(identity.Arn).toBe(assumed.AssumedRoleUser?.Arn);
    expect(identity.UserId).toBe(assumed.AssumedRoleUser?.AssumedRoleId);
  });

  it("refuses a role that does not exist as AWS refuses a forbidden one", async () => {
    const RoleArn = "arn:aws:iam::111122223333:role/none";
    await expect(sts().send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "me" }))).rejects.toMatchObject({
      name: "AccessDenied",
      message: `User: arn:aws:iam::111122223333:user/operator is not authorized to perform: sts:AssumeRole on resource: ${RoleArn}`,
      $metadata: { httpStatusCode: 403 },
    });
  });
});

describe("IAM", () => {
  it("keeps roles and their inline policies, percent-encoded on the way out", async () => {
    await iam().send(new CreateRoleCommand({ RoleName: "r", AssumeRolePolicyDocument: trust, Path: "/team/" }));
    const { Role } = await iam().send(new GetRoleCommand({ RoleName: "r" }));
    expect(Role).toMatchObject({ Arn: "arn:aws:iam::111122223333:role/team/r", MaxSessionDuration: 3600 });
    expect(Role?.AssumeRolePolicyDocument).not.toContain('"');
    expect(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? "")).toBe(trust);
    await iam().send(new PutRolePolicyCommand({ RoleName: "r", PolicyName: "p", PolicyDocument: trust }));
    const policy = await iam().send(new GetRolePolicyCommand({ RoleName: "r", PolicyName: "p" }));
    expect(decodeURIComponent(policy.PolicyDocument ?? "")).toBe(trust);
    expect((await iam().send(new ListRolePoliciesCommand({ RoleName: "r" }))).PolicyNames).toEqual(["p"]);
  });

  it("refuses a second role of the name, and an unreadable trust policy", async () => {
    const create = (AssumeRolePolicyDocument: string) =>
      iam().send(new CreateRoleCommand({ RoleName: "r", AssumeRolePolicyDocument }));
    await expect(create("{")).rejects.toMatchObject({
      name: "MalformedPolicyDocumentException",
      message: "This policy contains invalid Json",
    });
    await create(trust);
    await expect(create(trust)).rejects.toMatchObject({
      name: "EntityAlreadyExistsException",
      message: "Role with name r already exists.",
      $metadata: { httpStatusCode: 409 },
    });
  });

  it("deletes a role only without policies", async () => {
    await iam().send(new CreateRoleCommand({ RoleName: "r", AssumeRolePolicyDocument: trust }));
    const PolicyArn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
    await iam().send(new AttachRolePolicyCommand({ RoleName: "r", PolicyArn }));
    await expect(iam().send(new DeleteRoleCommand({ RoleName: "r" }))).rejects.toMatchObject({
      name: "DeleteConflictException",
      message: "Cannot delete entity, must detach all policies first.",
    });
    await iam().send(new DetachRolePolicyCommand({ RoleName: "r", PolicyArn }));
    await iam().send(new DeleteRoleCommand({ RoleName: "r" }));
    await expect(iam().send(new GetRoleCommand({ RoleName: "r" }))).rejects.toMatchObject({
      name: "NoSuchEntityException",
      message: "The role with name r cannot be found.",
      $metadata: { httpStatusCode: 404 },
    });
  });
});
