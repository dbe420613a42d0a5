import { describe, expect, it } from "vitest";
import { anAccount, flags, HOUR, MINUTE, SECOND, text } from "./account.ts";

const OFF = flags({ search: { enabled: false } });
const ON = flags({ search: { enabled: true } });
const problem = (Problem: string) => ({
  code: "BadRequestException",
  members: { Reason: "InvalidParameters", Details: { InvalidParameters: { ConfigurationToken: { Problem } } } },
});

describe("data API", () => {
  it("accepts names and ids, and says what it could not find", async () => {
    const account = await anAccount();
    await account.deploy(ON);
    const { ApplicationId, EnvironmentId, ConfigurationProfileId } = account.ids;
    await expect(
      account.session({
        ApplicationIdentifier: ApplicationId,
        EnvironmentIdentifier: EnvironmentId,
        ConfigurationProfileIdentifier: ConfigurationProfileId,
      }),
    ).resolves.toBeTypeOf("string");
    await expect(account.session({ EnvironmentIdentifier: "nope" })).rejects.toMatchObject({
      code: "ResourceNotFoundException",
      status: 404,
      members: { ResourceType: "Environment", ReferencedBy: { EnvironmentIdentifier: "nope" } },
    });
  });

  it("has no session for a profile that was never deployed", async () => {
    const account = await anAccount();
    await expect(account.session()).rejects.toMatchObject({
      code: "ResourceNotFoundException",
      members: { ResourceType: "Deployment" },
    });
  });

  it("answers with content once, then empty until something is deployed", async () => {
    const account = await anAccount();
    await account.deploy(OFF);
    const first = await account.poll(await account.session());
    expect(JSON.parse(text(first.Configuration))).toEqual({ search: { enabled: false } });
    await account.clock.advanceBy(15 * SECOND);
    const second = await account.poll(first.NextPollConfigurationToken);
    expect(second.Configuration).toHaveLength(0);
    await account.deploy(ON);
    await account.clock.advanceBy(15 * SECOND);
    const third = await account.poll(second.NextPollConfigurationToken);
    expect(JSON.parse(text(third.Configuration))).toEqual({ search: { enabled: true } });
  });

  it("takes each token once", async () => {
    const account = await anAccount();
    await account.deploy(ON);
    const token = await account.session();
    await account.poll(token);
    await account.clock.advanceBy(MINUTE);
    await expect(account.poll(token)).rejects.toMatchObject(problem("Corrupted"));
  });

  it("refuses a poll that is too early, and keeps its token good", async () => {
    const account = await anAccount();
    await account.deploy(ON);
    const { NextPollConfigurationToken } = await account.poll(await account.session());
    await account.clock.advanceBy(14 * SECOND);
    await expect(account.poll(NextPollConfigurationToken)).rejects.toMatchObject({
      message: "Request too early",
      ...problem("PollIntervalNotSatisfied"),
    });
    await account.clock.advanceBy(SECOND);
    await expect(account.poll(NextPollConfigurationToken)).resolves.toBeDefined();
  });

  it("lets tokens expire after a day", async () => {
    const account = await anAccount();
    await account.deploy(ON);
    const token = await account.session();
    await account.clock.advanceBy(24 * HOUR);
    await expect(account.poll(token)).rejects.toMatchObject(problem("Expired"));
  });

  it("gives a growing deployment to its share of the sessions, and never takes it away again", async () => {
    const account = await anAccount();
    await account.deploy(OFF);
    const sessions = await Promise.all(Array.from({ length: 400 }, () => account.session()));
    let tokens = sessions;
    const pollAll = async () => {
      const answers = await Promise.all(tokens.map((token) => account.poll(token)));
      tokens = answers.map((answer) => answer.NextPollConfigurationToken);
      return answers.map((answer) => text(answer.Configuration).includes("true"));
    };
    await pollAll();
    await account.deploy(ON, await account.strategy(10, 0, 50));
    await account.clock.advanceBy(6 * MINUTE);
    const halfway = await pollAll();
    const share = halfway.filter(Boolean).length / halfway.length;
    expect(share).toBeGreaterThan(0.42);
    expect(share).toBeLessThan(0.58);
    await account.clock.advanceBy(MINUTE);
    expect((await pollAll()).filter(Boolean)).toHaveLength(0);
    await account.clock.advanceBy(4 * MINUTE);
    const late = await pollAll();
    expect(late).toEqual(halfway.map((had) => !had));
  });
});

describe("resources", () => {
  it("that do not exist are 404 with their kind", async () => {
    const account = await anAccount();
    await expect(account.call("GetApplication", { ApplicationId: "nope123" })).rejects.toMatchObject({
      code: "ResourceNotFoundException",
      status: 404,
      message: "Application not found",
    });
    await expect(account.get(7)).rejects.toMatchObject({ message: "Deployment not found" });
  });

  it("that are in use cannot be deleted", async () => {
    const account = await anAccount();
    const { ApplicationId } = account.ids;
    await expect(account.call("DeleteApplication", { ApplicationId })).rejects.toMatchObject({
      code: "BadRequestException",
    });
    await account.deploy(ON, await account.strategy(10, 0, 100));
    await expect(account.call("DeleteEnvironment", account.ids)).rejects.toMatchObject({ code: "ConflictException" });
    await account.clock.advanceBy(10 * MINUTE);
    await expect(account.call("DeleteEnvironment", account.ids)).resolves.toEqual({});
  });

  it("that were read lately are protected from deletion when the account says so", async () => {
    const account = await anAccount();
    await account.call("UpdateAccountSettings", { DeletionProtection: { Enabled: true } });
    await account.deploy(ON);
    await account.clock.advanceBy(2 * HOUR);
    await account.poll(await account.session());
    await expect(account.call("DeleteEnvironment", account.ids)).rejects.toMatchObject({ code: "BadRequestException" });
    await account.call("DeleteEnvironment", { ...account.ids, DeletionProtectionCheck: "BYPASS" });
  });

  it("carry tags", async () => {
    const account = await anAccount();
    const ResourceArn = `arn:aws:appconfig:us-east-1:111122223333:application/${account.ids.ApplicationId}`;
    await account.call("TagResource", { ResourceArn, Tags: { a: "1", b: "2" } });
    await account.call("UntagResource", { ResourceArn, TagKeys: ["a"] });
    expect(await account.call("ListTagsForResource", { ResourceArn })).toEqual({ Tags: { b: "2" } });
  });

  it("include the four predefined strategies, which nobody can delete", async () => {
    const account = await anAccount();
    const { Items } = await account.call<{ Items: { Id: string; GrowthType: string }[] }>("ListDeploymentStrategies");
    expect(Items.filter((item) => item.Id.startsWith("AppConfig."))).toHaveLength(4);
    expect(Items.find((item) => item.Id === "AppConfig.Canary10Percent20Minutes")?.GrowthType).toBe("EXPONENTIAL");
    await expect(
      account.call("DeleteDeploymentStrategy", { DeploymentStrategyId: "AppConfig.AllAtOnce" }),
    ).rejects.toMatchObject({ message: "Cannot delete predefined Deployment Strategy AppConfig.AllAtOnce." });
  });

  it.each([
    { DeploymentDurationInMinutes: 1441, GrowthFactor: 10 },
    { DeploymentDurationInMinutes: 1.5, GrowthFactor: 10 },
    { DeploymentDurationInMinutes: 10, GrowthFactor: 0.5 },
    { DeploymentDurationInMinutes: 10 },
  ])("refuse a strategy outside its limits: %o", async (input) => {
    const account = await anAccount();
    await expect(account.call("CreateDeploymentStrategy", { Name: "s", ...input })).rejects.toMatchObject({
      code: "BadRequestException",
    });
  });

  it("of extensions are not implemented", async () => {
    const account = await anAccount();
    await expect(account.call("CreateExtension", { Name: "x" })).rejects.toMatchObject({ status: 501 });
  });
});
