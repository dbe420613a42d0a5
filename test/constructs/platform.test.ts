import { readFileSync } from "node:fs";
import { join } from "node:path";
import { App, Stack, Validations } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { AwsSolutionsChecks } from "cdk-nag";
import type { IConstruct } from "constructs";
import { describe, expect, it } from "vitest";
import { ENVIRONMENTS, loadConfiguration } from "../../lib/constructs/sample/configuration.ts";
import { SAMPLE } from "../../lib/constructs/sample/functions.ts";
import { platform } from "../../lib/constructs/sample/platform.ts";
import { SAMPLE_FUNCTIONS } from "../../lib/contract/names.ts";
import { parsePolicy } from "../../lib/contract/policy.ts";
import { ENTRIES, identityStatements, ofType, resources, text } from "./support.ts";

function build(context: Record<string, unknown> = {}): App {
  const app = new App({ context: { "@aws-cdk/core:validateAgainstDefaultRules": true } });
  platform(app, { configuration: loadConfiguration(context), guardEntries: ENTRIES });
  return app;
}

const stacksOf = (app: App) => app.node.children.filter((child): child is Stack => Stack.isStack(child));
const app = build();
const templates = new Map(stacksOf(app).map((stack) => [stack.stackName, Template.fromStack(stack)]));
const template = (name: string) => {
  const found = templates.get(name);
  if (!found) throw new Error(`no stack ${name}; there are ${[...templates.keys()].join(", ")}`);
  return found;
};

/** What IAM offers nothing narrower for; every other wildcard must stand behind a prefix. */
const ALLOWED_ON_EVERYTHING = new Set([
  "codedeploy:GetDeploymentTarget",
  "codedeploy:ListDeploymentTargets",
  "cloudwatch:DescribeAlarms",
  "cloudwatch:GetMetricData",
  // The delivery of vended logs and trace segments of the state machine.
  "logs:CreateLogDelivery",
  "logs:GetLogDelivery",
  "logs:UpdateLogDelivery",
  "logs:DeleteLogDelivery",
  "logs:ListLogDeliveries",
  "logs:PutResourcePolicy",
  "logs:DescribeResourcePolicies",
  "logs:DescribeLogGroups",
  "xray:PutTraceSegments",
  "xray:PutTelemetryRecords",
  "xray:GetSamplingRules",
  "xray:GetSamplingTargets",
  "appconfig:ListApplications",
  "appconfig:ListDeploymentStrategies",
]);

/** Statements of trust, topic, queue and key policies that allow an AWS service something. */
function serviceStatements(each: Template): { owner: string; service: string; condition: string }[] {
  return Object.entries(resources(each)).flatMap(([owner, { Properties }]) => {
    const document = Properties.AssumeRolePolicyDocument ?? Properties.PolicyDocument ?? Properties.KeyPolicy;
    const statements = [(document as { Statement?: unknown } | undefined)?.Statement ?? []].flat();
    return (statements as { Effect: string; Principal?: { Service?: unknown }; Condition?: unknown }[]).flatMap(
      ({ Effect, Principal, Condition = {} }) =>
        Effect === "Allow" && Principal?.Service !== undefined
          ? [{ owner, service: String(Principal.Service), condition: JSON.stringify(Condition) }]
          : [],
    );
  });
}

interface Acknowledgement {
  path: string;
  id: string;
  reason: string;
}

function acknowledgements(root: IConstruct): Acknowledgement[] {
  return root.node.findAll().flatMap((construct) =>
    construct.node.metadata
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap(({ data }) =>
        Object.entries(data as Record<string, string>).map(([id, reason]) => ({
          path: construct.node.path,
          id,
          reason,
        })),
      ),
  );
}

describe("the sample platform", () => {
  it("has guard, flags, API and each function in a stack of its own", () => {
    expect([...templates.keys()]).toEqual([
      "goaround-dev-guard",
      "goaround-dev-flags",
      "goaround-dev-lambda-router",
      "goaround-dev-structured-data-processor",
      "goaround-dev-rag-query-processor",
      "goaround-dev-influxdb-loader",
      "goaround-dev-timeseries-query-processor",
      "goaround-dev-api",
    ]);
  });

  it("deploys the guard first, and the API after its router", () => {
    const dependencies = Object.fromEntries(
      stacksOf(app).map((stack) => [stack.stackName, stack.dependencies.map((each) => each.stackName)]),
    );
    expect(dependencies["goaround-dev-guard"]).toEqual([]);
    expect(dependencies["goaround-dev-flags"]).toEqual(["goaround-dev-guard"]);
    expect(dependencies["goaround-dev-influxdb-loader"]).toEqual(["goaround-dev-guard"]);
    expect(dependencies["goaround-dev-api"]).toEqual(["goaround-dev-lambda-router"]);
  });

  it("has no export or import between stacks", () => {
    for (const [name, each] of templates) {
      const content = JSON.stringify(each.toJSON());
      expect(content, name).not.toContain("Fn::ImportValue");
      expect(content, name).not.toContain('"Export"');
    }
  });

  it("guards all five functions under literal names of one prefix", () => {
    const names = [...templates.values()].flatMap((each) =>
      ofType(each, "AWS::CodeDeploy::DeploymentGroup").map(({ Properties }) => Properties.DeploymentGroupName),
    );
    expect(names).toEqual(SAMPLE_FUNCTIONS.map((name) => `platform-dev-${name}-deployment-group`));
  });

  it.each([...SAMPLE_FUNCTIONS])("gives %s a policy with a smoke test and the flags that its release names", (name) => {
    const [parameter] = ofType(template(`goaround-dev-${name.replaceAll("_", "-")}`), "AWS::SSM::Parameter");
    const parsed = parsePolicy(String(parameter?.Properties.Value));
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    expect(parsed.policy.smokeTests).toHaveLength(1);
    expect(parsed.policy.flags.flatMap(({ flags }) => flags)).toEqual(SAMPLE[name].flags);
  });

  it("blocks releases of what needs InfluxDB by the alarm that it defines itself", () => {
    const blockers = (stack: string) =>
      JSON.parse(String(ofType(template(stack), "AWS::SSM::Parameter")[0]?.Properties.Value)).blockers;
    const alarm = ofType(template("goaround-dev-influxdb-loader"), "AWS::CloudWatch::Alarm").map(({ Properties }) =>
      text(Properties.AlarmName),
    );
    expect(alarm).toContain("platform-dev-influxdb-connection-errors");
    expect(blockers("goaround-dev-influxdb-loader")).toEqual(["platform-dev-influxdb-connection-errors"]);
    expect(blockers("goaround-dev-timeseries-query-processor")).toEqual(["platform-dev-influxdb-connection-errors"]);
    expect(blockers("goaround-dev-lambda-router")).toEqual([]);
  });

  it("has the five flags, all off", () => {
    const [merged] = ofType(template("goaround-dev-flags"), "Custom::GoaroundFlags");
    const { values } = JSON.parse(String(merged?.Properties.Definitions)) as {
      values: Record<string, { enabled: boolean }>;
    };
    expect(Object.keys(values)).toEqual([
      "enable_advanced_monitoring",
      "enable_enhanced_processing",
      "enable_flux_queries",
      "enable_new_api_endpoint",
      "use_influxdb",
    ]);
    expect(Object.values(values).some(({ enabled }) => enabled)).toBe(false);
  });

  it("serves /health to anyone and everything else to signed requests, through the alias", () => {
    const routes = ofType(template("goaround-dev-api"), "AWS::ApiGatewayV2::Route").map(({ Properties }) => [
      Properties.RouteKey,
      Properties.AuthorizationType,
    ]);
    expect(routes).toEqual([
      ["GET /health", undefined],
      ["ANY /{proxy+}", "AWS_IAM"],
    ]);
    const [integration] = ofType(template("goaround-dev-api"), "AWS::ApiGatewayV2::Integration");
    expect(text(integration?.Properties.IntegrationUri)).toMatch(/:function:platform-dev-lambda_router:live$/);
  });

  it("publishes a new version of one function, and of no other, for a release by context", () => {
    const versions = (context: Record<string, unknown>) =>
      Object.fromEntries(
        stacksOf(build(context)).map((stack) => [
          stack.stackName,
          Object.entries(resources(Template.fromStack(stack)))
            .filter(([, { Type }]) => Type === "AWS::Lambda::Version")
            .map(([id]) => id)
            .join(),
        ]),
      );
    const [before, after, again] = [{}, { "release:lambda_router": "2" }, { "release:lambda_router": "2" }].map(
      versions,
    );
    expect(after?.["goaround-dev-lambda-router"]).not.toBe(before?.["goaround-dev-lambda-router"]);
    expect({ ...after, "goaround-dev-lambda-router": "" }).toEqual({ ...before, "goaround-dev-lambda-router": "" });
    expect(again).toEqual(after);
  });

  it("allows no wildcard action to any role", () => {
    const statements = [...templates.values()].flatMap(identityStatements);
    expect(statements.length).toBeGreaterThan(60);
    expect(statements.flatMap(({ actions }) => actions).filter((action) => action.includes("*"))).toEqual([]);
  });

  it("allows actions on every resource only where IAM offers nothing narrower", () => {
    const broad = [...templates.values()]
      .flatMap(identityStatements)
      .filter(({ resources: targets }) => targets.includes("*"))
      .flatMap(({ actions }) => actions)
      .filter((action) => !ALLOWED_ON_EVERYTHING.has(action));
    expect(broad).toEqual([]);
  });

  it("lets AWS services in only for a resource or account of ours, but for Lambda, which does not say for which", () => {
    const withoutSource = [...templates.values()].flatMap((each) =>
      serviceStatements(each).filter(
        ({ service, condition }) => service !== "lambda.amazonaws.com" && !/aws:Source(Arn|Account)/i.test(condition),
      ),
    );
    expect(withoutSource).toEqual([]);
    const invokers = [...templates.values()].flatMap((each) => ofType(each, "AWS::Lambda::Permission"));
    expect(invokers.length).toBeGreaterThan(2);
    for (const { Properties } of invokers) expect(Properties.SourceArn ?? Properties.SourceAccount).toBeDefined();
  });

  it("takes no managed policy", () => {
    for (const each of templates.values()) {
      for (const role of ofType(each, "AWS::IAM::Role")) expect(role.Properties.ManagedPolicyArns).toBeUndefined();
    }
  });

  it("acknowledges at most three kinds of findings, each near its construct and with a reason of some length", () => {
    const all = acknowledgements(app);
    const kinds = new Set(all.map(({ id }) => /AwsSolutions-[A-Z]+\d+/.exec(id)?.[0] ?? id));
    expect([...kinds].sort()).toEqual(["AwsSolutions-APIG4", "AwsSolutions-IAM5", "AwsSolutions-SQS3"]);
    for (const { path, reason } of all) {
      expect(path.split("/").length, path).toBeGreaterThan(1);
      expect(reason.length, reason).toBeGreaterThan(40);
    }
  });

  it("is looked at by the rule pack: what is not acknowledged is found", () => {
    const probe = new App();
    const role = new Role(new Stack(probe, "Probe"), "Role", {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
    });
    role.addToPolicy(new PolicyStatement({ actions: ["s3:GetObject"], resources: ["*"] }));
    const found = new AwsSolutionsChecks(probe).validateScope(probe).violations.map(({ ruleName }) => ruleName);
    expect(found).toEqual(["AwsSolutions-IAM5[Resource::*]"]);
    expect(new AwsSolutionsChecks(app).validateScope(app).violations).toEqual([]);
  });

  it.each([...ENVIRONMENTS])(
    "synthesizes %s without a finding of cdk-nag or of CloudFormation's validator",
    { timeout: 120_000 },
    (env) => {
      const before = process.env.CDK_VALIDATION;
      process.env.CDK_VALIDATION = "true";
      try {
        const assembly = build({ env }).synth();
        const report = JSON.parse(readFileSync(join(assembly.directory, "validation-report.json"), "utf8"));
        expect(report.pluginReports.flatMap((each: { violations: unknown[] }) => each.violations)).toEqual([]);
      } finally {
        process.env.CDK_VALIDATION = before;
      }
    },
  );
});

it("a rolling group of the configuration has stacks wait for each other, whatever the order of the functions", () => {
  const configuration = loadConfiguration({});
  const { functions } = configuration;
  const [first, second] = ["rag_query_processor", "lambda_router"] as const;
  const rolling = new App();
  platform(rolling, {
    configuration: {
      ...configuration,
      functions: {
        ...functions,
        [first]: { ...functions[first], releaseGroup: "core" },
        [second]: { ...functions[second], releaseGroup: "core", releaseAfter: first },
      },
    },
    guardEntries: ENTRIES,
  });
  const router = stacksOf(rolling).find(({ stackName }) => stackName === "goaround-dev-lambda-router");
  expect(router?.dependencies.map(({ stackName }) => stackName)).toContain("goaround-dev-rag-query-processor");
});

it("what the configuration says of readiness and compatibility stands in the function's policy", () => {
  const configuration = loadConfiguration({});
  const { lambda_router, ...others } = configuration.functions;
  const compatibility = { schemas: { orders: { writes: 4, reads: [3, 4] } }, nonRevertible: [] };
  const declaring = new App();
  const functions = { ...others, lambda_router: { ...lambda_router, minimumReadiness: 60, compatibility } };
  platform(declaring, { configuration: { ...configuration, functions }, guardEntries: ENTRIES });
  const router = stacksOf(declaring).find(({ stackName }) => stackName === "goaround-dev-lambda-router")!;
  const [policy] = ofType(Template.fromStack(router), "AWS::SSM::Parameter");
  expect(JSON.parse(String(policy?.Properties.Value))).toMatchObject({ minimumReadiness: 60, compatibility });
});
