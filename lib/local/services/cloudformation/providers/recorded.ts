import type { ResourceTypes } from "./resource-type.ts";
import { jsonText, recorded, tagList, text, unlessGone } from "./shared.ts";

const API = [
  "CorsConfiguration",
  "Description",
  "DisableExecuteApiEndpoint",
  "IpAddressType",
  "Name",
  "RouteSelectionExpression",
  "Tags",
  "Version",
];
const STAGE = [
  "AccessLogSettings",
  "AutoDeploy",
  "DefaultRouteSettings",
  "DeploymentId",
  "Description",
  "RouteSettings",
  "StageVariables",
  "Tags",
];
const ROUTE = [
  "ApiKeyRequired",
  "AuthorizationScopes",
  "AuthorizationType",
  "AuthorizerId",
  "OperationName",
  "RouteKey",
  "Target",
];
const INTEGRATION = [
  "ConnectionType",
  "CredentialsArn",
  "Description",
  "IntegrationMethod",
  "IntegrationType",
  "IntegrationUri",
  "PayloadFormatVersion",
  "RequestParameters",
  "TimeoutInMillis",
];

/** An id as API Gateway gives them: lower-case letters and digits. */
const shortId = ({ world }: { world: { random: { text(length: number): string } } }, length: number) =>
  world.random.text(length);

/** Types whose effect nothing in the local AWS depends on: only Ref and attributes are real. */
export const recordedTypes: ResourceTypes = {
  "AWS::CDK::Metadata": recorded({
    updatable: ["Analytics"],
    identify: (_properties, context) => ({ physicalId: context.world.random.uuid() }),
  }),

  "AWS::CloudFormation::WaitConditionHandle": recorded({
    identify: (_properties, context) => ({
      physicalId: `https://cloudformation-waitcondition/${context.world.random.uuid()}`,
    }),
  }),

  "AWS::ApiGatewayV2::Api": recorded({
    updatable: API,
    createOnly: ["ProtocolType"],
    identify: (_properties, context) => ({ physicalId: shortId(context, 10) }),
    attributes: (id, _properties, { world }) => ({
      ApiId: id,
      ApiEndpoint: `https://${id}.execute-api.${world.region}.amazonaws.com`,
    }),
  }),
  "AWS::ApiGatewayV2::Stage": recorded({
    updatable: STAGE,
    createOnly: ["ApiId", "StageName"],
    nameProperty: "StageName",
    identify: (properties) => ({ physicalId: text(properties.StageName)! }),
  }),
  "AWS::ApiGatewayV2::Route": recorded({
    updatable: ROUTE,
    createOnly: ["ApiId"],
    identify: (_properties, context) => ({ physicalId: shortId(context, 7) }),
    attributes: (id) => ({ RouteId: id }),
  }),
  "AWS::ApiGatewayV2::Integration": recorded({
    updatable: INTEGRATION,
    createOnly: ["ApiId"],
    identify: (_properties, context) => ({ physicalId: shortId(context, 7) }),
    attributes: (id) => ({ IntegrationId: id }),
  }),

  "AWS::KMS::Key": {
    updatable: [
      "Description",
      "EnableKeyRotation",
      "Enabled",
      "KeyPolicy",
      "PendingWindowInDays",
      "RotationPeriodInDays",
      "Tags",
    ],
    createOnly: ["KeySpec", "KeyUsage", "MultiRegion", "Origin"],
    async create(properties, context) {
      const { KeyMetadata } = await context.call<{ KeyMetadata: { KeyId: string; Arn: string } }>("kms", "CreateKey", {
        Description: text(properties.Description),
        KeySpec: text(properties.KeySpec),
        KeyUsage: text(properties.KeyUsage),
        Policy: jsonText(properties.KeyPolicy),
        Tags: tagList(properties.Tags).map(({ Key, Value }) => ({ TagKey: Key, TagValue: Value })),
      });
      const { KeyId, Arn } = KeyMetadata;
      if (properties.EnableKeyRotation === true) await context.call("kms", "EnableKeyRotation", { KeyId });
      return { physicalId: KeyId, attributes: { Arn, KeyId } };
    },
    async update({ physicalId: KeyId, attributes }, properties, context) {
      await context.call("kms", "UpdateKeyDescription", { KeyId, Description: text(properties.Description) ?? "" });
      if (properties.KeyPolicy !== undefined) {
        await context.call("kms", "PutKeyPolicy", {
          KeyId,
          PolicyName: "default",
          Policy: jsonText(properties.KeyPolicy),
        });
      }
      await context.call("kms", properties.EnableKeyRotation === true ? "EnableKeyRotation" : "DisableKeyRotation", {
        KeyId,
      });
      return { physicalId: KeyId, attributes };
    },
    delete: ({ physicalId, properties }, context) =>
      unlessGone(
        context.call("kms", "ScheduleKeyDeletion", {
          KeyId: physicalId,
          PendingWindowInDays: Number(properties.PendingWindowInDays ?? 30),
        }),
      ),
  },

  "AWS::KMS::Alias": {
    updatable: ["TargetKeyId"],
    createOnly: ["AliasName"],
    nameProperty: "AliasName",
    async create(properties, context) {
      const AliasName = text(properties.AliasName)!;
      await context.call("kms", "CreateAlias", { AliasName, TargetKeyId: text(properties.TargetKeyId) });
      return { physicalId: AliasName };
    },
    async update({ physicalId }, properties, context) {
      await context.call("kms", "UpdateAlias", { AliasName: physicalId, TargetKeyId: text(properties.TargetKeyId) });
      return { physicalId };
    },
    delete: ({ physicalId }, context) => unlessGone(context.call("kms", "DeleteAlias", { AliasName: physicalId })),
  },
};
