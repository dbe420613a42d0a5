import { describe, expect, it } from "vitest";
import {
  onlyMovesRecord,
  onlySyncs,
  reconciledTemplate,
  versionInTemplate,
} from "../../../lib/core/release/reconcile.ts";

const YAML = `
Resources:
  LiveAlias:
    Type: AWS::Lambda::Alias
    Properties:
      FunctionName: !Ref Orders
      FunctionVersion: !GetAtt OrdersVersion7.Version
      Name: live
    UpdatePolicy:
      CodeDeployLambdaAliasUpdate:
        ApplicationName: !Ref Application
        DeploymentGroupName: !Ref Group
`;
const json = (FunctionVersion: unknown, more = {}) =>
  JSON.stringify({
    Resources: {
      LiveAlias: {
        Type: "AWS::Lambda::Alias",
        Properties: { FunctionName: { Ref: "Orders" }, FunctionVersion, Name: "live" },
        UpdatePolicy: { CodeDeployLambdaAliasUpdate: { ApplicationName: "a", DeploymentGroupName: "g" } },
      },
      ...more,
    },
  });
const alias = { stackName: "app", logicalId: "LiveAlias", version: "2" };
const arns = (id: string) => ({ OrdersVersion7: "arn:aws:lambda:eu-west-1:1:function:orders:7" })[id];

describe("a reconciled template", () => {
  it("of JSON differs in the alias's version only", () => {
    const before = json({ "Fn::GetAtt": ["OrdersVersion7", "Version"] });
    expect(JSON.parse(reconciledTemplate(before, alias, "kept"))).toEqual(JSON.parse(json("2")));
  });

  it("loses the alias's update policy where a direct update is meant", () => {
    const { LiveAlias } = JSON.parse(reconciledTemplate(json("7"), alias, "left-out")).Resources;
    expect(LiveAlias.UpdatePolicy).toBeUndefined();
    expect(LiveAlias.Properties).toEqual({ FunctionName: { Ref: "Orders" }, FunctionVersion: "2", Name: "live" });
  });

  it("of YAML keeps the short forms of functions", () => {
    const text = reconciledTemplate(YAML, alias, "kept");
    expect(text).toContain("FunctionName: !Ref Orders");
    expect(text).toMatch(/FunctionVersion: "2"/);
    expect(text).toContain("DeploymentGroupName: !Ref Group");
  });

  it("is refused for an alias that a transform makes", () => {
    expect(() => reconciledTemplate("Transform: AWS::Serverless-2016-10-31\nResources: {}", alias, "kept")).toThrow(
      /does not define the alias LiveAlias/,
    );
  });

  it("is refused when it is too long to be sent", () => {
    const before = json("7", { Long: { Type: "AWS::SSM::Parameter", Properties: { Value: "x".repeat(51_200) } } });
    expect(() => reconciledTemplate(before, alias, "kept")).toThrow(/takes 51200/);
  });
});

describe("the version that a template records", () => {
  it("is a literal one", () => expect(versionInTemplate(json("3"), "LiveAlias", arns)).toEqual({ version: "3" }));

  it("is that of the version resource which the alias refers to, in every spelling", () => {
    for (const template of [
      json({ "Fn::GetAtt": ["OrdersVersion7", "Version"] }),
      json({ "Fn::GetAtt": "OrdersVersion7.Version" }),
      YAML,
    ]) {
      expect(versionInTemplate(template, "LiveAlias", arns)).toEqual({ version: "7" });
    }
  });

  it("is unknown, with the reason, where the template computes it", () => {
    expect(versionInTemplate(json({ Ref: "VersionParameter" }), "LiveAlias", arns)).toEqual({
      problem: 'FunctionVersion is {"Ref":"VersionParameter"}',
    });
    expect(versionInTemplate(json("$LATEST"), "LiveAlias", arns)).toEqual({ problem: 'FunctionVersion is "$LATEST"' });
    expect(versionInTemplate(json({ "Fn::GetAtt": ["Other", "Version"] }), "LiveAlias", arns)).toEqual({
      problem: "Other is no published version",
    });
  });
});

describe("a change set may be executed", () => {
  const change = { logicalId: "LiveAlias", action: "SyncWithActual", replaces: false, names: ["FunctionVersion"] };
  const modify = { ...change, action: "Modify" };

  it("drift-aware, when it only syncs the alias", () => {
    expect(onlySyncs([change], "LiveAlias")).toBe(true);
    expect(onlySyncs([modify], "LiveAlias")).toBe(false);
    expect(onlySyncs([change, { ...modify, logicalId: "Queue" }], "LiveAlias")).toBe(false);
    expect(onlySyncs([{ ...change, logicalId: "Other" }], "LiveAlias")).toBe(false);
  });

  it("plain, when it changes version and update policy of the alias and nothing else", () => {
    expect(onlyMovesRecord([{ ...modify, names: ["FunctionVersion", "UpdatePolicy"] }], "LiveAlias")).toBe(true);
    expect(onlyMovesRecord([{ ...modify, names: ["FunctionVersion", "Description"] }], "LiveAlias")).toBe(false);
    expect(onlyMovesRecord([{ ...modify, replaces: true }], "LiveAlias")).toBe(false);
    expect(onlyMovesRecord([modify, { ...modify, logicalId: "Queue" }], "LiveAlias")).toBe(false);
  });
});
