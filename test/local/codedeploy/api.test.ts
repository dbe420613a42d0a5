import { describe, expect, it } from "vitest";
import { APP, anAccount, appSpec, GROUP, MINUTE, SECOND, SERVICE_ROLE } from "./account.ts";

const code = (name: string, message?: string) => ({ code: name, ...(message ? { message } : {}), status: 400 });

describe("applications and groups", () => {
  it("say which application, group, deployment or configuration does not exist", async () => {
    const { call } = await anAccount();
    await expect(call("GetApplication", { applicationName: "nope" })).rejects.toMatchObject(
      code("ApplicationDoesNotExistException", "No application found for name: nope"),
    );
    await expect(
      call("GetDeploymentGroup", { applicationName: APP, deploymentGroupName: "nope" }),
    ).rejects.toMatchObject(code("DeploymentGroupDoesNotExistException", "No Deployment Group found for name: nope"));
    await expect(call("GetDeployment", { deploymentId: "d-ABCDEFGHI" })).rejects.toMatchObject(
      code("DeploymentDoesNotExistException", "The deployment d-ABCDEFGHI could not be found"),
    );
    await expect(call("GetDeploymentConfig", { deploymentConfigName: "nope" })).rejects.toMatchObject(
      code("DeploymentConfigDoesNotExistException"),
    );
  });

  it("refuse missing names and ids with the exception of each", async () => {
    const { call } = await anAccount();
    await expect(call("GetApplication")).rejects.toMatchObject(code("ApplicationNameRequiredException"));
    await expect(call("GetDeploymentGroup", { applicationName: APP })).rejects.toMatchObject(
      code("DeploymentGroupNameRequiredException"),
    );
    await expect(call("GetDeployment")).rejects.toMatchObject(code("DeploymentIdRequiredException"));
    await expect(call("GetDeployment", { deploymentId: "d-1" })).rejects.toMatchObject(
      code("InvalidDeploymentIdException"),
    );
    await expect(
      call("CreateDeploymentGroup", { applicationName: APP, deploymentGroupName: "g" }),
    ).rejects.toMatchObject(code("RoleRequiredException"));
    await expect(call("CreateDeployment", { applicationName: APP, deploymentGroupName: GROUP })).rejects.toMatchObject(
      code("RevisionRequiredException"),
    );
    await expect(call("CreateDeployment", { applicationName: APP })).rejects.toMatchObject(
      code("DeploymentGroupNameRequiredException"),
    );
  });

  it("refuse a second application or group of the same name", async () => {
    const { call } = await anAccount();
    await expect(call("CreateApplication", { applicationName: APP })).rejects.toMatchObject(
      code("ApplicationAlreadyExistsException"),
    );
    await expect(
      call("CreateDeploymentGroup", {
        applicationName: APP,
        deploymentGroupName: GROUP,
        serviceRoleArn: SERVICE_ROLE,
      }),
    ).rejects.toMatchObject(code("DeploymentGroupAlreadyExistsException"));
  });

  it("refuse more than ten alarms, repeated alarms, and an enabled list that is empty", async () => {
    const { call } = await anAccount();
    const withAlarms = (names: string[]) =>
      call("UpdateDeploymentGroup", {
        applicationName: APP,
        currentDeploymentGroupName: GROUP,
        alarmConfiguration: { enabled: true, alarms: names.map((name) => ({ name })) },
      });
    await expect(withAlarms(Array.from({ length: 11 }, (_, i) => `a${i}`))).rejects.toMatchObject(
      code("AlarmsLimitExceededException"),
    );
    await expect(withAlarms(["a", "a"])).rejects.toMatchObject(code("InvalidAlarmConfigException"));
    await expect(withAlarms([])).rejects.toMatchObject(code("InvalidAlarmConfigException"));
    await expect(withAlarms(Array.from({ length: 10 }, (_, i) => `a${i}`))).resolves.toBeDefined();
  });

  it("refuse a malformed service role as CodeDeploy does when it cannot assume one", async () => {
    const { call } = await anAccount();
    const update = call("UpdateDeploymentGroup", {
      applicationName: APP,
      currentDeploymentGroupName: GROUP,
      serviceRoleArn: "foo",
    });
    await expect(update).rejects.toMatchObject({
      code: "InvalidRoleException",
      status: 400,
      message: "AWS CodeDeploy does not have the permissions required to assume the role foo.",
    });
  });

  it("keep what an update leaves out, and move with a new name", async () => {
    const { call } = await anAccount();
    await call("UpdateDeploymentGroup", {
      applicationName: APP,
      currentDeploymentGroupName: GROUP,
      newDeploymentGroupName: "renamed",
      deploymentConfigName: "CodeDeployDefault.LambdaAllAtOnce",
    });
    const { deploymentGroupInfo } = await call<{ deploymentGroupInfo: object }>("GetDeploymentGroup", {
      applicationName: APP,
      deploymentGroupName: "renamed",
    });
    expect(deploymentGroupInfo).toMatchObject({
      deploymentConfigName: "CodeDeployDefault.LambdaAllAtOnce",
      serviceRoleArn: SERVICE_ROLE,
      autoRollbackConfiguration: { enabled: true },
      deploymentStyle: { deploymentType: "BLUE_GREEN", deploymentOption: "WITH_TRAFFIC_CONTROL" },
      computePlatform: "Lambda",
    });
  });

  it("carry tags", async () => {
    const { call } = await anAccount();
    const ResourceArn = `arn:aws:codedeploy:us-east-1:111122223333:deploymentgroup:${APP}/${GROUP}`;
    await call("TagResource", { ResourceArn, Tags: [{ Key: "team", Value: "a" }] });
    await call("TagResource", {
      ResourceArn,
      Tags: [
        { Key: "team", Value: "b" },
        { Key: "x", Value: "1" },
      ],
    });
    await call("UntagResource", { ResourceArn, TagKeys: ["x"] });
    expect(await call("ListTagsForResource", { ResourceArn })).toEqual({ Tags: [{ Key: "team", Value: "b" }] });
  });
});

describe("deployment configurations", () => {
  it("include the nine predefined ones of Lambda", async () => {
    const { call } = await anAccount();
    const { deploymentConfigsList } = await call<{ deploymentConfigsList: string[] }>("ListDeploymentConfigs");
    expect(deploymentConfigsList.filter((name) => name.startsWith("CodeDeployDefault.Lambda"))).toHaveLength(9);
  });

  it("are used by their percentage and interval", async () => {
    const account = await anAccount();
    await account.call("CreateDeploymentConfig", {
      deploymentConfigName: "canary-25",
      computePlatform: "Lambda",
      trafficRoutingConfig: {
        type: "TimeBasedCanary",
        timeBasedCanary: { canaryPercentage: 25, canaryInterval: 1 },
      },
    });
    await account.deploy({}, { deploymentConfigName: "canary-25" });
    await account.clock.advanceBy(2 * SECOND);
    expect(account.alias.weights).toEqual({ "2": 0.25 });
    await account.clock.advanceBy(MINUTE);
    expect(account.alias.FunctionVersion).toBe("2");
  });

  it("keep the limits of shift and step", async () => {
    const { call } = await anAccount();
    const create = (timeBasedLinear: object) =>
      call("CreateDeploymentConfig", {
        deploymentConfigName: `c${JSON.stringify(timeBasedLinear)}`,
        computePlatform: "Lambda",
        trafficRoutingConfig: { type: "TimeBasedLinear", timeBasedLinear },
      });
    await expect(create({ linearPercentage: 100, linearInterval: 1 })).rejects.toMatchObject(
      code("InvalidTrafficRoutingConfigurationException"),
    );
    await expect(create({ linearPercentage: 1, linearInterval: 30 })).rejects.toMatchObject(
      code("InvalidTrafficRoutingConfigurationException"),
    );
    await expect(create({ linearPercentage: 50, linearInterval: 2880 })).resolves.toBeDefined();
  });

  it("cannot be deleted while used, nor when predefined", async () => {
    const account = await anAccount();
    await account.call("CreateDeploymentConfig", {
      deploymentConfigName: "mine",
      computePlatform: "Lambda",
      trafficRoutingConfig: { type: "AllAtOnce" },
    });
    await account.call("UpdateDeploymentGroup", {
      applicationName: APP,
      currentDeploymentGroupName: GROUP,
      deploymentConfigName: "mine",
    });
    await expect(account.call("DeleteDeploymentConfig", { deploymentConfigName: "mine" })).rejects.toMatchObject(
      code("DeploymentConfigInUseException"),
    );
    await expect(
      account.call("DeleteDeploymentConfig", { deploymentConfigName: "CodeDeployDefault.LambdaAllAtOnce" }),
    ).rejects.toMatchObject(code("InvalidOperationException"));
  });
});

describe("deployments", () => {
  it("run one at a time in a group", async () => {
    const { deploy } = await anAccount();
    const first = await deploy();
    await expect(deploy()).rejects.toMatchObject(
      code(
        "DeploymentLimitExceededException",
        `The Deployment Group '${GROUP}' already has an active Deployment '${first}'`,
      ),
    );
  });

  it("are listed newest first, by status", async () => {
    const account = await anAccount();
    const first = await account.released("1", "2");
    const second = await account.deploy({ from: "2", to: "3" });
    const list = (input: object = {}) =>
      account.call("ListDeployments", { applicationName: APP, deploymentGroupName: GROUP, ...input });
    expect(await list()).toMatchObject({ deployments: [second, first] });
    expect(await list({ includeOnlyStatuses: ["Succeeded"] })).toMatchObject({ deployments: [first] });
    await expect(account.call("ListDeployments", { applicationName: APP })).rejects.toMatchObject(
      code("DeploymentGroupNameRequiredException"),
    );
  });

  it("have no target before they have started, and one after", async () => {
    const account = await anAccount();
    const deploymentId = await account.deploy();
    await expect(account.call("ListDeploymentTargets", { deploymentId })).rejects.toMatchObject(
      code("DeploymentNotStartedException"),
    );
    await account.clock.advanceBy(2 * SECOND);
    expect(await account.call("ListDeploymentTargets", { deploymentId })).toEqual({ targetIds: ["orders:live"] });
    await expect(account.call("GetDeploymentTarget", { deploymentId, targetId: "other" })).rejects.toMatchObject(
      code("DeploymentTargetDoesNotExistException"),
    );
  });

  it("cannot be continued", async () => {
    const account = await anAccount();
    const deploymentId = await account.deploy();
    await expect(account.call("ContinueDeployment", { deploymentId })).rejects.toMatchObject(
      code("UnsupportedActionForDeploymentTypeException"),
    );
  });

  it("refuse a hash that is not the content's", async () => {
    const { deploy } = await anAccount();
    const revision = { revisionType: "AppSpecContent", appSpecContent: { content: appSpec(), sha256: "00" } } as const;
    await expect(deploy({}, { revision })).rejects.toMatchObject(code("InvalidRevisionException"));
  });

  it("tell EventBridge in its own words and the topic of the group's triggers", async () => {
    const topic = "arn:aws:sns:us-east-1:111122223333:releases";
    const account = await anAccount({
      group: {
        triggerConfigurations: [
          {
            triggerName: "all",
            triggerTargetArn: topic,
            triggerEvents: ["DeploymentStart", "DeploymentStop", "DeploymentRollback", "DeploymentSuccess"],
          },
        ],
      },
    });
    const id = await account.deploy();
    await account.clock.advanceBy(2 * SECOND);
    await account.call("StopDeployment", { deploymentId: id });
    await account.clock.advanceBy(20 * SECOND);
    expect(account.events.map((event) => event.detail.state)).toEqual(["START", "STOP", "START", "SUCCESS"]);
    expect(account.events[0]).toMatchObject({
      source: "aws.codedeploy",
      detailType: "CodeDeploy Deployment State-change Notification",
      resources: [
        `arn:aws:codedeploy:us-east-1:111122223333:application:${APP}`,
        `arn:aws:codedeploy:us-east-1:111122223333:deploymentgroup:${APP}/${GROUP}`,
      ],
      detail: { application: APP, deploymentGroup: GROUP, deploymentId: id },
    });
    expect(account.sns.published.map((message) => message.message.status)).toEqual([
      "CREATED",
      "STOPPED",
      "CREATED",
      "IN_PROGRESS",
      "SUCCEEDED",
    ]);
    const stopped = account.sns.published[1];
    expect(stopped?.subject).toBe(`STOPPED: AWS CodeDeploy ${id} in us-east-1 to ${APP}`);
    expect(stopped?.message.createTime).toBe("Mon Jan 05 12:00:00 UTC 2026");
    expect(JSON.parse(String(stopped?.message.errorInformation))).toMatchObject({ ErrorCode: "MANUAL_STOP" });
  });

  it("of CloudFormation carry the stack, and can be waited for until their rollback has ended", async () => {
    const account = await anAccount();
    const id = await account.codedeploy.createDeploymentAs({
      input: {
        applicationName: APP,
        deploymentGroupName: GROUP,
        revision: {
          revisionType: "AppSpecContent",
          appSpecContent: { content: appSpec({ hooks: [{ BeforeAllowTraffic: "pre" }] }) },
        },
      },
      creator: "CloudFormation",
      externalId: "arn:stack",
    });
    expect(await account.info(id)).toMatchObject({ creator: "CloudFormation", externalId: "arn:stack" });
    expect(await account.call("ListDeployments", { externalId: "arn:stack" })).toMatchObject({ deployments: [id] });
    let outcome: unknown;
    void account.codedeploy.waitForDeployment(id).then((result) => {
      outcome = result;
    });
    await account.clock.advanceBy(60 * MINUTE + SECOND);
    expect(outcome).toBeUndefined();
    await account.clock.advanceBy(3 * SECOND);
    expect(outcome).toMatchObject({
      status: "Failed",
      errorCode: "HOOK_EXECUTION_FAILURE",
      rollbackDeploymentId: expect.stringMatching(/^d-/),
    });
  });

  it("that are being stopped leave no trace after a reset of the world", async () => {
    const account = await anAccount();
    const deploymentId = await account.deploy();
    await account.clock.advanceBy(2 * SECOND);
    await account.call("StopDeployment", { deploymentId });
    await account.world.reset();
    const told = account.events.length;
    await account.clock.advanceBy(MINUTE);
    expect(account.events).toHaveLength(told);
    expect(await account.call("ListDeployments")).toEqual({ deployments: [] });
  });

  it("are forgotten by a reset of the world", async () => {
    const account = await anAccount();
    await account.deploy();
    await account.clock.advanceBy(2 * SECOND);
    await account.world.reset();
    await account.clock.advanceBy(10 * MINUTE);
    expect(account.lambda.updates).toHaveLength(1);
    expect(await account.call("ListDeployments")).toEqual({ deployments: [] });
  });
});
