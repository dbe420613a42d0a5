import { appConfigTypes } from "./appconfig.ts";
import { cloudWatchTypes } from "./cloudwatch.ts";
import { codeDeployTypes } from "./codedeploy.ts";
import { customResource } from "./custom-resource.ts";
import { eventAndLogTypes } from "./events-and-logs.ts";
import { iamTypes } from "./iam.ts";
import { lambdaTypes } from "./lambda.ts";
import { messagingTypes } from "./messaging.ts";
import { recordedTypes } from "./recorded.ts";
import type { ResourceTypes } from "./resource-type.ts";
import { stepFunctionsTypes } from "./stepfunctions.ts";
import { storageTypes } from "./storage.ts";

/** Every resource type that the local AWS deploys; any other type fails the deploy by name. */
export const RESOURCE_TYPES: ResourceTypes = {
  ...appConfigTypes,
  ...cloudWatchTypes,
  ...codeDeployTypes,
  ...eventAndLogTypes,
  ...iamTypes,
  ...lambdaTypes,
  ...messagingTypes,
  ...recordedTypes,
  ...stepFunctionsTypes,
  ...storageTypes,
  "AWS::CloudFormation::CustomResource": customResource,
  "Custom::*": customResource,
};
