import { describe, expect, it } from "vitest";
import { AwsError } from "../../../lib/local/kernel/errors.ts";
import { anAccount, MINUTE, SECOND } from "./account.ts";

const HOOKS: Record<string, string>[] = [
  { BeforeAllowTraffic: "pre" },
  { AfterAllowTraffic: "arn:aws:lambda:us-east-1:111122223333:function:post" },
];
const ALL_AT_ONCE = { deploymentConfigName: "CodeDeployDefault.LambdaAllAtOnce" };

type Account = Awaited<ReturnType<typeof anAccount>>;
const answer = (account: Account, status: string, invocation = account.lambda.invocations.at(-1)) =>
  account.call("PutLifecycleEventHookExecutionStatus", {
    deploymentId: invocation?.payload.DeploymentId,
    lifecycleEventHookExecutionId: invocation?.payload.LifecycleEventHookExecutionId,
    status,
  });

describe("hooks", () => {
  it("are invoked asynchronously as the service role with exactly the two ids", async () => {
    const account = await anAccount();
    const id = await account.deploy({ hooks: HOOKS });
    await account.clock.advanceBy(2 * SECOND);
    const [invocation] = account.lambda.invocations;
    expect(invocation).toMatchObject({
      functionName: "pre",
      type: "Event",
      principal: { roleArn: "arn:aws:iam::111122223333:role/deployer" },
    });
    expect(Object.keys(invocation?.payload ?? {})).toEqual(["DeploymentId", "LifecycleEventHookExecutionId"]);
    expect(invocation?.payload.DeploymentId).toBe(id);
    expect(account.lambda.updates).toEqual([]);
  });

  it("let traffic move only after BeforeAllowTraffic has succeeded, and end the deployment after AfterAllowTraffic", async () => {
    const account = await anAccount();
    const id = await account.deploy({ hooks: HOOKS }, ALL_AT_ONCE);
    await account.clock.advanceBy(30 * MINUTE);
    expect(account.alias.FunctionVersion).toBe("1");
    await answer(account, "Succeeded");
    await account.clock.advanceBy(5 * SECOND);
    expect(account.alias.FunctionVersion).toBe("2");
    expect(account.lambda.invocations.at(-1)?.functionName).toContain("function:post");
    expect((await account.info(id)).status).toBe("InProgress");
    await answer(account, "Succeeded");
    await account.clock.advanceBy(SECOND);
    expect((await account.info(id)).status).toBe("Succeeded");
  });

  it("that report Failed fail the deployment with the recorded text and skip what follows", async () => {
    const account = await anAccount();
    const id = await account.deploy({ hooks: HOOKS });
    await account.clock.advanceBy(2 * SECOND);
    await answer(account, "Failed");
    await account.clock.advanceBy(SECOND);
    expect(await account.info(id)).toMatchObject({
      status: "Failed",
      errorInformation: {
        code: "HOOK_EXECUTION_FAILURE",
        message: "The deployment failed because one or more of the lifecycle event validation functions failed.",
      },
    });
    expect(await account.eventStatuses(id)).toEqual({
      BeforeAllowTraffic: "Failed",
      AllowTraffic: "Skipped",
      AfterAllowTraffic: "Skipped",
    });
  });

  it("that stay silent for an hour fail the deployment, and cannot answer any more", async () => {
    const account = await anAccount();
    const id = await account.deploy({ hooks: HOOKS });
    await account.clock.advanceBy(60 * MINUTE);
    expect((await account.info(id)).status).toBe("InProgress");
    await account.clock.advanceBy(2 * SECOND);
    expect((await account.info(id)).errorInformation?.code).toBe("HOOK_EXECUTION_FAILURE");
    await expect(answer(account, "Succeeded", account.lambda.invocations[0])).rejects.toMatchObject({
      code: "LifecycleEventAlreadyCompletedException",
    });
  });

  it("may answer once", async () => {
    const account = await anAccount();
    await account.deploy({ hooks: HOOKS });
    await account.clock.advanceBy(2 * SECOND);
    const [invocation] = account.lambda.invocations;
    await answer(account, "Succeeded", invocation);
    await expect(answer(account, "Failed", invocation)).rejects.toMatchObject({
      code: "LifecycleEventAlreadyCompletedException",
    });
  });

  it("may answer only Succeeded or Failed, with an id of this deployment", async () => {
    const account = await anAccount();
    const deploymentId = await account.deploy({ hooks: HOOKS });
    await account.clock.advanceBy(2 * SECOND);
    await expect(answer(account, "Skipped")).rejects.toMatchObject({
      code: "InvalidLifecycleEventHookExecutionStatusException",
    });
    await expect(
      account.call("PutLifecycleEventHookExecutionStatus", {
        deploymentId,
        lifecycleEventHookExecutionId: "other",
        status: "Succeeded",
      }),
    ).rejects.toMatchObject({ code: "InvalidLifecycleEventHookExecutionIdException" });
  });

  it("that the service role may not invoke fail the deployment with the role's name", async () => {
    const account = await anAccount();
    account.lambda.onInvoke = () => {
      throw new AwsError("AccessDeniedException", "not authorized to perform: lambda:InvokeFunction", { status: 403 });
    };
    const id = await account.deploy({ hooks: HOOKS });
    await account.clock.advanceBy(2 * SECOND);
    expect((await account.info(id)).errorInformation).toEqual({
      code: "IAM_ROLE_PERMISSIONS",
      message:
        "The IAM role arn:aws:iam::111122223333:role/deployer does not give you permission to perform operations in the following AWS service: AWSLambda. Contact your AWS administrator if you need help. If you are an AWS administrator, you can grant permissions to your users or groups by creating IAM policies.",
    });
  });
});
