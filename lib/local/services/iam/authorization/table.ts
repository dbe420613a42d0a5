import { appConfigDataRules, appConfigRules } from "./appconfig.ts";
import { cloudFormationRules } from "./cloudformation.ts";
import { cloudWatchRules } from "./cloudwatch.ts";
import { codeDeployRules } from "./codedeploy.ts";
import { dynamoDbRules } from "./dynamodb.ts";
import { iamRules, stsRules } from "./identity.ts";
import { lambdaRules } from "./lambda.ts";
import { eventBridgeRules, snsRules, sqsRules } from "./messaging.ts";
import type { Rules } from "./rules.ts";
import { stepFunctionsRules } from "./stepfunctions.ts";
import { kmsRules, logsRules, s3Rules, secretsManagerRules, ssmRules } from "./storage.ts";

/** What each operation of each service needs. An operation that is missing here is denied to everybody. */
export const RULES: Readonly<Record<string, Rules>> = {
  appconfig: appConfigRules,
  appconfigdata: appConfigDataRules,
  cloudformation: cloudFormationRules,
  cloudwatch: cloudWatchRules,
  "cloudwatch-logs": logsRules,
  codedeploy: codeDeployRules,
  dynamodb: dynamoDbRules,
  eventbridge: eventBridgeRules,
  iam: iamRules,
  kms: kmsRules,
  lambda: lambdaRules,
  s3: s3Rules,
  "secrets-manager": secretsManagerRules,
  sfn: stepFunctionsRules,
  sns: snsRules,
  sqs: sqsRules,
  ssm: ssmRules,
  sts: stsRules,
};
