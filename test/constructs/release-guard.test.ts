import { App, Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { ReleaseGuard, type ReleaseGuardProps } from "../../lib/constructs/release-guard.ts";
import { GUARD_HANDLERS, type GuardHandler, METRICS } from "../../lib/contract/names.ts";
import { guardIn, identityStatements, ofType, resources, statementsOf, text } from "./support.ts";

const templateOf = (props: Partial<ReleaseGuardProps> = {}) => {
  const stack = new Stack(new App(), "GuardStack");
  guardIn(stack, props);
  return Template.fromStack(stack);
};
const template = templateOf();
const functions = ofType(template, "AWS::Lambda::Function");
const functionNamed = (handler: GuardHandler) =>
  functions.find((each) => each.Properties.FunctionName === `goaround-dev-${handler}`);
const logicalId = (handler: GuardHandler) =>
  Object.entries(resources(template)).find(
    ([, each]) => each.Type === "AWS::Lambda::Function" && each.Properties.FunctionName === `goaround-dev-${handler}`,
  )?.[0];
const statements = identityStatements(template);
const allowedTo = (handler: GuardHandler) => {
  const role = text(functionNamed(handler)?.Properties.Role).replace(/^<|\.Arn>$/g, "");
  return statements.filter(({ owner }) => owner === role).flatMap(({ actions }) => actions);
};
const asyncOf = (handler: GuardHandler) =>
  ofType(template, "AWS::Lambda::EventInvokeConfig").find(
    ({ Properties }) => text(Properties.FunctionName) === `<${logicalId(handler)}>`,
  )?.Properties as Record<string, unknown>;

describe("the release guard", () => {
  it("has its Lambdas under their literal names", () => {
    for (const handler of GUARD_HANDLERS) {
      expect(functionNamed(handler)?.Properties).toMatchObject({ Runtime: "nodejs24.x" });
    }
  });

  it("may read the secrets and workspaces of metrics that live elsewhere, and no others", () => {
    const all = identityStatements(
      templateOf({
        metricSources: {
          secrets: ["datadog"],
          secretKeyArns: ["arn:aws:kms:eu-west-1:111122223333:key/k"],
          prometheusWorkspaceArns: ["arn:aws:aps:eu-west-1:111122223333:workspace/ws-1"],
        },
      }),
    );
    const readers = (action: string) => all.filter(({ actions }) => actions.includes(action));
    expect(readers("secretsmanager:GetSecretValue")).toHaveLength(3);
    expect(JSON.stringify(readers("secretsmanager:GetSecretValue")[0]?.resources)).toContain(":secret:datadog-??????");
    expect(readers("aps:QueryMetrics")).toHaveLength(3);
    expect(allowedTo("watch")).not.toContain("secretsmanager:GetSecretValue");
    expect(allowedTo("watch")).not.toContain("aps:QueryMetrics");
  });

  it("sets executions aside for 25 releases at once, of the responder twice as many", () => {
    const reserved = (handler: GuardHandler) => functionNamed(handler)?.Properties.ReservedConcurrentExecutions;
    for (const handler of ["pre-traffic", "post-traffic", "watch", "signals"] as const)
      expect(reserved(handler)).toBe(25);
    expect(reserved("respond")).toBe(50);
    for (const handler of ["shift", "report-failure"] as const) expect(reserved(handler)).toBe(5);
  });

  it("sets no executions aside when told 0, for accounts that have none to give", () => {
    for (const fn of ofType(templateOf({ releasesAtOnce: 0 }), "AWS::Lambda::Function")) {
      expect(fn.Properties.ReservedConcurrentExecutions).toBeUndefined();
    }
  });

  it("tells its Lambdas environment, ledger, topic and the time to keep for reporting", () => {
    expect(functionNamed("pre-traffic")?.Properties.Environment).toEqual({
      Variables: {
        GOAROUND_ENVIRONMENT: "dev",
        GOAROUND_LEDGER_TABLE: "goaround-dev-ledger",
        GOAROUND_TOPIC_ARN: { Ref: expect.stringMatching(/^GuardTopic/) },
        GOAROUND_REPORT_RESERVE_MS: "15000",
        GOAROUND_WATCH_ARN: expect.anything(),
      },
    });
  });

  it.each(["pre-traffic", "post-traffic"] as const)(
    "gives up on a %s hook at once and hands its failure to the one that reports it",
    (hook) => {
      expect(asyncOf(hook)).toMatchObject({
        Qualifier: "$LATEST",
        MaximumRetryAttempts: 0,
        MaximumEventAgeInSeconds: 60,
        DestinationConfig: {
          OnFailure: { Destination: { "Fn::GetAtt": [logicalId("report-failure"), "Arn"] } },
        },
      });
      expect(allowedTo(hook)).toContain("lambda:InvokeFunction");
    },
  );

  it.each(["respond", "report-failure"] as const)(
    "puts what %s cannot handle into the dead-letter queue",
    (handler) => {
      const { OnFailure } = asyncOf(handler).DestinationConfig as { OnFailure: { Destination: unknown } };
      expect(text(OnFailure.Destination)).toMatch(/^<GuardDeadLetters.*\.Arn>$/);
      expect(allowedTo(handler)).toContain("sqs:SendMessage");
    },
  );

  it.each(["pre-traffic", "post-traffic", "report-failure"] as const)(
    "lets %s report, and neither move an alias nor stop a deployment",
    (handler) => {
      expect(allowedTo(handler)).toContain("codedeploy:PutLifecycleEventHookExecutionStatus");
      for (const lever of ["lambda:UpdateAlias", "codedeploy:StopDeployment", "codedeploy:CreateDeployment"]) {
        expect(allowedTo(handler)).not.toContain(lever);
      }
    },
  );

  it("lets the responder pull the levers", () => {
    expect(allowedTo("respond")).toEqual(
      expect.arrayContaining([
        "lambda:UpdateAlias",
        "codedeploy:StopDeployment",
        "sns:Publish",
        "cloudwatch:DisableAlarmActions",
        "cloudwatch:EnableAlarmActions",
      ]),
    );
  });

  it("lets the one that gives staged shares write aliases and nothing else, and only the watch and its net ask it to", () => {
    expect(allowedTo("shift")).toContain("lambda:UpdateAlias");
    const changes = /:(Put|Stop|Create|Delete|Publish|Start|Invoke|Send|Enable|Disable|Update(?!Alias))/;
    expect(allowedTo("shift").filter((action) => changes.test(action) && !action.startsWith("logs:"))).toEqual([]);
    const askers = GUARD_HANDLERS.filter((handler) => {
      const role = text(functionNamed(handler)?.Properties.Role).replace(/^<|\.Arn>$/g, "");
      return statements.some(
        ({ owner, resources: targets }) =>
          owner === role && targets.some((target) => target.endsWith("goaround-dev-shift")),
      );
    });
    expect(askers).toEqual(["watch", "report-failure"]);
  });

  it("lets nobody change code, delete a function, pass a role or deploy", () => {
    const forbidden =
      /^(iam:|cloudformation:|lambda:(Update(Function|Event)|Create|Delete|Publish|Put|Add|Remove)|codedeploy:(Create|Update|Delete|Register)|kms:(?!Decrypt$|GenerateDataKey$))/;
    const granted = statements.flatMap(({ actions }) => actions);
    expect(granted.length).toBeGreaterThan(40);
    expect(granted.filter((action) => forbidden.test(action))).toEqual([]);
  });

  it("acts on functions of its prefix and on groups of its application only", () => {
    for (const { actions, resources: targets } of statements) {
      for (const target of targets) {
        if (actions.some((action) => /^lambda:(UpdateAlias|GetAlias)/.test(action))) {
          expect(target).toMatch(/:function:shop-\*$/);
        }
        if (actions.some((action) => /^codedeploy:(StopDeployment|PutLife)/.test(action))) {
          expect(target).toMatch(/:deploymentgroup:goaround-dev\/\*$/);
        }
      }
    }
  });

  it("keeps its ledger: encrypted, restorable, expiring, protected", () => {
    template.hasResource("AWS::DynamoDB::Table", {
      DeletionPolicy: "Retain",
      Properties: {
        TableName: "goaround-dev-ledger",
        KeySchema: [
          { AttributeName: "pk", KeyType: "HASH" },
          { AttributeName: "sk", KeyType: "RANGE" },
        ],
        TimeToLiveSpecification: { AttributeName: "expiresAt", Enabled: true },
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        SSESpecification: { SSEEnabled: true },
        DeletionProtectionEnabled: true,
      },
    });
  });

  it("lets the ledger go with the stack where it is not protected", () => {
    templateOf({ protectLedger: false }).hasResource("AWS::DynamoDB::Table", {
      DeletionPolicy: "Delete",
      Properties: { DeletionProtectionEnabled: false },
    });
  });

  it("notifies by an encrypted topic that refuses plain HTTP and that alarms can publish to", () => {
    template.hasResourceProperties("AWS::SNS::Topic", {
      TopicName: "goaround-dev-notifications",
      KmsMasterKeyId: Match.anyValue(),
    });
    template.hasResourceProperties("AWS::SNS::TopicPolicy", {
      PolicyDocument: {
        Statement: [
          { Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } },
          {
            Effect: "Allow",
            Principal: { Service: "cloudwatch.amazonaws.com" },
            Condition: { StringEquals: { "aws:SourceAccount": { Ref: "AWS::AccountId" } } },
          },
        ].map((statement) => Match.objectLike(statement)),
      },
    });
    template.hasResourceProperties("AWS::KMS::Key", { EnableKeyRotation: true, RotationPeriodInDays: 90 });
  });

  it("subscribes the configured addresses", () => {
    templateOf({ notificationEmails: ["ops@example.com"] }).hasResourceProperties("AWS::SNS::Subscription", {
      Protocol: "email",
      Endpoint: "ops@example.com",
    });
  });

  it("hands to the responder alarms of its prefix that turn red in its own account", () => {
    template.hasResourceProperties("AWS::Events::Rule", {
      EventPattern: {
        source: ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        account: [{ Ref: "AWS::AccountId" }],
        detail: {
          alarmName: [{ prefix: "goaround-dev-" }],
          state: { value: ["ALARM"] },
          previousState: { value: [{ "anything-but": "ALARM" }] },
        },
      },
    });
  });

  it("hands to the responder deployments of its application that start or end", () => {
    template.hasResourceProperties("AWS::Events::Rule", {
      EventPattern: {
        source: ["aws.codedeploy"],
        "detail-type": ["CodeDeploy Deployment State-change Notification"],
        detail: { application: ["goaround-dev"], state: ["START", "SUCCESS", "FAILURE", "STOP"] },
      },
    });
  });

  it("retries each event and keeps what cannot be delivered", () => {
    for (const rule of ofType(template, "AWS::Events::Rule")) {
      const [target] = rule.Properties.Targets as [{ RetryPolicy: unknown; DeadLetterConfig: { Arn: unknown } }];
      // The next minute brings the next sweep.
      const isSweep = rule.Properties.ScheduleExpression !== undefined;
      const patience = { MaximumEventAgeInSeconds: 1800, MaximumRetryAttempts: 8 };
      const short = { MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 1 };
      expect(target.RetryPolicy).toEqual(isSweep ? short : patience);
      expect(text(target.DeadLetterConfig.Arn)).toMatch(/^<GuardDeadLetters/);
    }
  });

  it("lets CloudWatch Logs bring the logs of guarded functions to the signals Lambda, by one statement", () => {
    const fromLogs = ofType(template, "AWS::Lambda::Permission").filter(
      ({ Properties }) => Properties.Principal === "logs.amazonaws.com",
    );
    expect(fromLogs.map(({ Properties }) => text(Properties.SourceArn))).toEqual([
      "arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:/aws/lambda/shop-*:*",
    ]);
    expect(text(fromLogs[0]?.Properties.FunctionName)).toBe(`<${logicalId("signals")}>`);
    expect(text(fromLogs[0]?.Properties.SourceAccount)).toBe("<AWS::AccountId>");
    // A record of the guard's own about a batch must never become a batch.
    for (const handler of GUARD_HANDLERS) expect(`goaround-dev-${handler}`).not.toMatch(/^shop-/);
  });

  it("lets EventBridge call the responder from two rules and the net under hooks and watch from two others", () => {
    const sources = ofType(template, "AWS::Lambda::Permission")
      .filter(({ Properties }) => Properties.Principal === "events.amazonaws.com")
      .map(({ Properties }) => text(Properties.SourceArn));
    expect(sources.map((source) => source.replace(/[0-9A-F]{8}\./, "."))).toEqual([
      "<GuardWatchEndedRule.Arn>",
      "<GuardSweepRule.Arn>",
      "<GuardAlarmRule.Arn>",
      "<GuardDeploymentRule.Arn>",
    ]);
  });

  it("watches each release by an execution that calls the watch and nothing else", () => {
    const [machine] = ofType(template, "AWS::StepFunctions::StateMachine");
    expect(machine?.Properties).toMatchObject({ StateMachineName: "goaround-dev-watch", StateMachineType: "STANDARD" });
    const definition = JSON.parse(text(machine?.Properties.DefinitionString));
    expect(definition.States.Turn).toMatchObject({
      Type: "Task",
      Parameters: { FunctionName: `<${logicalId("watch")}.Arn>`, Payload: { "deploymentId.$": "$.deploymentId" } },
      Catch: [{ ErrorEquals: ["States.ALL"], Next: "Lost" }],
    });
    expect(definition.States.Lost.Type).toBe("Fail");
    const role = text(machine?.Properties.RoleArn).replace(/^<|\.Arn>$/g, "");
    const actions = statements.filter(({ owner }) => owner === role).flatMap((each) => each.actions);
    expect(actions.filter((action) => !/^(logs|xray):/.test(action))).toEqual(["lambda:InvokeFunction"]);
  });

  it("hears of watches that did not reach their end, and sweeps only while it is told to", () => {
    const rules = Object.fromEntries(
      ofType(template, "AWS::Events::Rule").map(({ Properties }) => [String(Properties.Name), Properties]),
    );
    expect(rules["goaround-dev-watch-ended"]).toMatchObject({
      State: "ENABLED",
      EventPattern: { source: ["aws.states"], detail: { status: ["FAILED", "TIMED_OUT", "ABORTED"] } },
    });
    expect(rules["goaround-dev-sweep"]).toMatchObject({ State: "DISABLED", ScheduleExpression: "rate(1 minute)" });
    for (const name of ["goaround-dev-watch-ended", "goaround-dev-sweep"]) {
      const [target] = rules[name]!.Targets as [{ Arn: unknown }];
      expect(text(target.Arn)).toBe(`<${logicalId("report-failure")}.Arn>`);
    }
  });

  it("gives hooks and watch no lever: the watch may ask the responder", () => {
    const levers = ["codedeploy:StopDeployment", "lambda:UpdateAlias", "appconfig:StartDeployment"];
    for (const handler of ["pre-traffic", "post-traffic", "watch", "report-failure"] as const) {
      for (const lever of levers) expect(allowedTo(handler)).not.toContain(lever);
    }
    expect(allowedTo("watch")).toContain("lambda:InvokeFunction");
  });

  it("raises alarms about itself that go straight to the topic and never back to the responder", () => {
    const own = ofType(template, "AWS::CloudWatch::Alarm");
    expect(own.map((each) => each.Properties.AlarmName)).toEqual([
      "goaround-guard-dev-dead-letters",
      "goaround-guard-dev-lost-events",
      "goaround-guard-dev-unguarded-deployments",
      "goaround-guard-dev-unvalidated-flags",
      "goaround-guard-dev-silent-responder",
    ]);
    for (const alarm of own) {
      expect(String(alarm.Properties.AlarmName)).not.toMatch(/^goaround-dev-/);
      expect((alarm.Properties.AlarmActions as unknown[]).map(text)[0]).toMatch(/^<GuardTopic/);
    }
  });

  it("notices a deployment that no hook saw, and a responder that did not run although a rule matched", () => {
    template.hasResourceProperties("AWS::CloudWatch::Alarm", {
      Namespace: METRICS.namespace,
      MetricName: METRICS.unguardedDeployments,
      Threshold: 0,
    });
    template.hasResourceProperties("AWS::CloudWatch::Alarm", {
      Metrics: Match.arrayWith([
        Match.objectLike({ Expression: "IF((FILL(r0, 0) + FILL(r1, 0)) > 0 AND FILL(ran, 0) == 0, 1, 0)" }),
      ]),
    });
  });

  it("keeps logs for a time, under the name that Lambda uses", () => {
    const groups = ofType(template, "AWS::Logs::LogGroup");
    expect(groups.map(({ Properties }) => [Properties.LogGroupName, Properties.RetentionInDays])).toEqual(
      [
        ...GUARD_HANDLERS.map((handler) => `/aws/lambda/goaround-dev-${handler}`),
        "/aws/vendedlogs/states/goaround-dev-watch",
      ].map((name) => [name, 30]),
    );
  });

  it("has statements of resource policies that allow no wildcard action", () => {
    const documents = ["AWS::KMS::Key", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"].flatMap((type) =>
      ofType(template, type).map(({ Properties }) => Properties.KeyPolicy ?? Properties.PolicyDocument),
    );
    const allowed = documents
      .flatMap((document) => statementsOf("resource", document))
      .filter(({ effect }) => effect === "Allow");
    expect(allowed.length).toBeGreaterThan(3);
    expect(allowed.flatMap(({ actions }) => actions).filter((action) => action.includes("*"))).toEqual([]);
  });

  it("refuses wrong props, all at once", () => {
    const props = { functionNamePrefixes: ["goaround-dev-"], releasesAtOnce: -1, notificationEmails: ["nobody"] };
    expect(() => templateOf(props)).toThrow(
      /covers the guard's own Lambdas[\s\S]*releasesAtOnce is -1[\s\S]*"nobody" is no e-mail address/,
    );
    expect(() => templateOf({ functionNamePrefixes: [] })).toThrow(/`functionNamePrefixes` is empty/);
  });

  it.each(["dev-eu", "Dev", "", "x".repeat(17)])(
    "refuses %j as environment, whose prefix could be another's",
    (name) => {
      expect(() => templateOf({ environmentName: name })).toThrow(/is not 1 to 16 lower-case letters and digits/);
    },
  );

  it("is known to other stacks by name", () => {
    const stack = new Stack(new App(), "Other");
    const guard = ReleaseGuard.fromEnvironmentName(stack, "Guard", "prod");
    expect(guard.applicationName).toBe("goaround-prod");
    expect(guard.handlerName("respond")).toBe("goaround-prod-respond");
    expect(text(stack.resolve(guard.respondRoleName))).toBe("goaround-prod-respond-<AWS::Region>");
  });
});
