import { isObject, type Json, type JsonObject } from "../template/json.ts";
import type { ProviderContext, ResourceTypes } from "./resource-type.ts";
import { jsonText, lowerCamel, retag, tagList, text } from "./shared.ts";

/** The definition as text, with `${name}` replaced by the substitutions (CloudFormation template reference, 2026). */
function definitionText(properties: JsonObject): string {
  const definition = jsonText(properties.DefinitionString ?? properties.Definition) ?? "";
  const substitutions = isObject(properties.DefinitionSubstitutions) ? properties.DefinitionSubstitutions : {};
  return definition.replace(/\$\{([A-Za-z0-9_]+)\}/g, (whole, name: string) =>
    substitutions[name] === undefined ? whole : String(substitutions[name]),
  );
}

const settings = (properties: JsonObject) => ({
  definition: definitionText(properties),
  roleArn: text(properties.RoleArn),
  loggingConfiguration: optional(properties.LoggingConfiguration),
  tracingConfiguration: optional(properties.TracingConfiguration),
});

const optional = (value: Json | undefined) => (value === undefined ? undefined : lowerCamel(value));

const tags = (value: Json | undefined) => tagList(value).map(({ Key, Value }) => ({ key: Key, value: Value }));

const attributesOf = (arn: string, revisionId: string): JsonObject => ({
  Arn: arn,
  Name: arn.split(":").at(-1) ?? "",
  StateMachineRevisionId: revisionId,
});

export const stepFunctionsTypes: ResourceTypes = {
  "AWS::StepFunctions::StateMachine": {
    updatable: [
      "Definition",
      "DefinitionString",
      "DefinitionSubstitutions",
      "LoggingConfiguration",
      "RoleArn",
      "Tags",
      "TracingConfiguration",
    ],
    createOnly: ["StateMachineName", "StateMachineType"],
    nameProperty: "StateMachineName",
    async create(properties: JsonObject, context: ProviderContext) {
      const { stateMachineArn } = await context.call<{ stateMachineArn: string }>("sfn", "CreateStateMachine", {
        name: text(properties.StateMachineName) ?? context.physicalName(80),
        type: text(properties.StateMachineType),
        ...settings(properties),
        tags: properties.Tags === undefined ? undefined : tags(properties.Tags),
      });
      return { physicalId: stateMachineArn, attributes: attributesOf(stateMachineArn, "INITIAL") };
    },
    async update({ physicalId: stateMachineArn, properties: before }, properties, context) {
      const { revisionId } = await context.call<{ revisionId: string }>("sfn", "UpdateStateMachine", {
        stateMachineArn,
        ...settings(properties),
      });
      await retag(before.Tags, properties.Tags, {
        set: (wanted) =>
          context.call("sfn", "TagResource", {
            resourceArn: stateMachineArn,
            tags: wanted.map(({ Key, Value }) => ({ key: Key, value: Value })),
          }),
        remove: (tagKeys) => context.call("sfn", "UntagResource", { resourceArn: stateMachineArn, tagKeys }),
      });
      return { physicalId: stateMachineArn, attributes: attributesOf(stateMachineArn, revisionId) };
    },
    delete: async ({ physicalId: stateMachineArn }, context) => {
      await context.call("sfn", "DeleteStateMachine", { stateMachineArn });
    },
  },
};
