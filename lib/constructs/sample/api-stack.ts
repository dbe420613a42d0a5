import { CfnOutput, RemovalPolicy, Stack, type StackProps, Validations } from "aws-cdk-lib";
import * as apigateway from "aws-cdk-lib/aws-apigatewayv2";
import { CfnPermission } from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { stackArn } from "../arns.ts";
import type { IGuardedFunction } from "../guarded-function.ts";

export interface ApiStackProps extends StackProps {
  readonly environmentName: string;
  readonly router: IGuardedFunction;
  readonly logRetention: logs.RetentionDays;
}

const ACCESS_LOG_FORMAT = JSON.stringify({
  requestId: "$context.requestId",
  ip: "$context.identity.sourceIp",
  time: "$context.requestTime",
  route: "$context.routeKey",
  status: "$context.status",
  latencyMs: "$context.responseLatency",
});

/** HTTP API in front of the router's alias: `/health` for anyone, everything else for signed requests. */
export class ApiStack extends Stack {
  constructor(scope: Construct, id: string, props: ApiStackProps) {
    super(scope, id, props);
    const api = new apigateway.CfnApi(this, "Api", {
      name: `platform-${props.environmentName}`,
      description: "The platform's HTTP API",
      protocolType: "HTTP",
    });
    const integration = new apigateway.CfnIntegration(this, "Router", {
      apiId: api.ref,
      integrationType: "AWS_PROXY",
      integrationUri: props.router.aliasArn,
      payloadFormatVersion: "2.0",
    });
    const target = `integrations/${integration.ref}`;
    const health = new apigateway.CfnRoute(this, "Health", { apiId: api.ref, routeKey: "GET /health", target });
    Validations.of(health).acknowledge({
      id: "AwsSolutions-APIG4",
      reason: "Load balancers and uptime probes ask for health without credentials; the answer tells no secret.",
    });
    new apigateway.CfnRoute(this, "Proxy", {
      apiId: api.ref,
      routeKey: "ANY /{proxy+}",
      target,
      authorizationType: "AWS_IAM",
    });
    const accessLogs = new logs.LogGroup(this, "AccessLogs", {
      logGroupName: `/platform/${props.environmentName}/api`,
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    new apigateway.CfnStage(this, "Stage", {
      apiId: api.ref,
      stageName: "$default",
      autoDeploy: true,
      accessLogSettings: { destinationArn: accessLogs.logGroupArn, format: ACCESS_LOG_FORMAT },
    });
    new CfnPermission(this, "Invoke", {
      action: "lambda:InvokeFunction",
      functionName: props.router.aliasArn,
      principal: "apigateway.amazonaws.com",
      sourceArn: stackArn(this, "execute-api", `${api.ref}/*`),
      sourceAccount: this.account,
    });
    new CfnOutput(this, "ApiUrl", { value: api.attrApiEndpoint, description: "Where the platform answers" });
  }
}
