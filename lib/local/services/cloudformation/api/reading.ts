import type {
  DescribeStackEventsCommandInput,
  DescribeStackResourceCommandInput,
  DescribeStackResourcesCommandInput,
  DescribeStacksCommandInput,
  GetTemplateCommandInput,
  GetTemplateSummaryCommandInput,
  ListExportsCommandInput,
  ListImportsCommandInput,
  ListStackResourcesCommandInput,
  ListStacksCommandInput,
  Stack as StackDescription,
  StackResource,
  ValidateTemplateCommandInput,
} from "@aws-sdk/client-cloudformation";
import type { OperationHandler } from "../../../kernel/service.ts";
import type { Environment } from "../engine/environment.ts";
import { importersOf } from "../engine/outputs.ts";
import { bracketedStackNotFound, changeSetNotFound, stackNotFound, validationError } from "../errors.ts";
import type { ResourceRecord, Stack } from "../model.ts";
import { parseTemplate, type Template } from "../template/parse.ts";
import { paginate } from "./change-sets.ts";
import { readTemplate } from "./definition.ts";

const NOT_CHECKED = { StackDriftStatus: "NOT_CHECKED" } as const;

export function readingOperations(environment: Environment): Record<string, OperationHandler> {
  const existing = (name: string | undefined, notFound = stackNotFound): Stack => {
    const stack = environment.find(name ?? "");
    if (!stack) throw notFound(name ?? "");
    return stack;
  };

  return {
    DescribeStacks(input: DescribeStacksCommandInput) {
      if (input.StackName !== undefined) return { Stacks: [describe(existing(input.StackName))] };
      const page = paginate(
        environment.stacks.filter((stack) => stack.status !== "DELETE_COMPLETE"),
        input.NextToken,
        100,
      );
      return { Stacks: page.items.map(describe), NextToken: page.nextToken };
    },

    ListStacks(input: ListStacksCommandInput) {
      const wanted = input.StackStatusFilter ?? [];
      const stacks = environment.stacks.filter((stack) => wanted.length === 0 || wanted.includes(stack.status));
      const page = paginate(stacks.reverse(), input.NextToken, 100);
      return {
        StackSummaries: page.items.map((stack) => ({
          StackId: stack.id,
          StackName: stack.name,
          TemplateDescription: stack.definition?.template.Description,
          CreationTime: new Date(stack.createdMs),
          LastUpdatedTime: stack.updatedMs === undefined ? undefined : new Date(stack.updatedMs),
          DeletionTime: stack.deletedMs === undefined ? undefined : new Date(stack.deletedMs),
          StackStatus: stack.status,
          StackStatusReason: stack.statusReason,
          DriftInformation: NOT_CHECKED,
        })),
        NextToken: page.nextToken,
      };
    },

    DescribeStackEvents(input: DescribeStackEventsCommandInput) {
      const stack = existing(input.StackName, bracketedStackNotFound);
      const page = paginate([...stack.events].reverse(), input.NextToken, 100);
      return { StackEvents: page.items, NextToken: page.nextToken };
    },

    DescribeStackResources(input: DescribeStackResourcesCommandInput) {
      const stack =
        input.StackName === undefined
          ? environment.stacks.find((candidate) =>
              [...candidate.resources.values()].some((record) => record.physicalId === input.PhysicalResourceId),
            )
          : environment.find(input.StackName);
      if (!stack) throw stackNotFound(input.StackName ?? input.PhysicalResourceId ?? "");
      const records = [...stack.resources.values()].filter(
        (record) => input.LogicalResourceId === undefined || record.logicalId === input.LogicalResourceId,
      );
      return { StackResources: records.map((record) => describeResource(stack, record)) };
    },

    DescribeStackResource(input: DescribeStackResourceCommandInput) {
      const stack = existing(input.StackName, (name) => validationError(`Stack '${name}' does not exist`));
      const record = stack.resources.get(input.LogicalResourceId!);
      if (!record) {
        throw validationError(`Resource ${input.LogicalResourceId} does not exist for stack ${stack.name}`);
      }
      const { Timestamp, ...detail } = describeResource(stack, record);
      return {
        StackResourceDetail: {
          ...detail,
          LastUpdatedTimestamp: Timestamp,
          Metadata: JSON.stringify(record.metadata ?? {}),
        },
      };
    },

    ListStackResources(input: ListStackResourcesCommandInput) {
      const stack = existing(input.StackName);
      const page = paginate([...stack.resources.values()], input.NextToken, 100);
      return {
        StackResourceSummaries: page.items.map((record) => ({
          LogicalResourceId: record.logicalId,
          PhysicalResourceId: record.physicalId,
          ResourceType: record.type,
          LastUpdatedTimestamp: new Date(record.updatedMs),
          ResourceStatus: record.status,
          ResourceStatusReason: record.statusReason,
          DriftInformation: { StackResourceDriftStatus: "NOT_CHECKED" },
        })),
        NextToken: page.nextToken,
      };
    },

    GetTemplate(input: GetTemplateCommandInput) {
      const StagesAvailable = ["Original", "Processed"];
      if (input.ChangeSetName !== undefined) {
        const changeSet = environment.stacks
          .flatMap((stack) => stack.changeSets.map((item) => ({ stack, item })))
          .find(
            ({ stack, item }) =>
              item.id === input.ChangeSetName ||
              (item.name === input.ChangeSetName && [stack.name, stack.id].includes(input.StackName ?? "")),
          );
        if (!changeSet) throw changeSetNotFound(input.ChangeSetName);
        return { TemplateBody: changeSet.item.definition.body, StagesAvailable };
      }
      const stack = existing(input.StackName);
      // A stack in review has no template yet; clients read this as an empty one.
      return { TemplateBody: stack.definition?.body ?? "{}", StagesAvailable };
    },

    GetTemplateSummary(input: GetTemplateSummaryCommandInput) {
      const template =
        input.StackName === undefined
          ? parseTemplate(readTemplate(environment, input, undefined))
          : parseTemplate(existing(input.StackName).definition?.body ?? "{}");
      return {
        ...summary(template),
        ResourceTypes: [...new Set(Object.values(template.Resources).map(({ Type }) => Type))],
      };
    },

    ValidateTemplate(input: ValidateTemplateCommandInput) {
      return summary(parseTemplate(readTemplate(environment, input, undefined)));
    },

    ListExports(input: ListExportsCommandInput) {
      const exports = environment.stacks
        .filter((stack) => stack.status !== "DELETE_COMPLETE")
        .flatMap((stack) => stack.outputs.map((output) => ({ stack, output })))
        .filter(({ output }) => output.exportName !== undefined)
        .map(({ stack, output }) => ({ ExportingStackId: stack.id, Name: output.exportName, Value: output.value }));
      const page = paginate(exports, input.NextToken, 100);
      return { Exports: page.items, NextToken: page.nextToken };
    },

    ListImports(input: ListImportsCommandInput) {
      const importers = importersOf(environment, input.ExportName!);
      if (importers.length === 0) throw validationError(`Export '${input.ExportName}' is not imported by any stack.`);
      return { Imports: importers.map((stack) => stack.name) };
    },
  };
}

function describe(stack: Stack): StackDescription {
  const { definition } = stack;
  const parameters = Object.entries(definition?.parameters ?? {});
  return {
    StackId: stack.id,
    StackName: stack.name,
    ChangeSetId: stack.changeSetId,
    Description: definition?.template.Description,
    Parameters:
      parameters.length === 0
        ? undefined
        : parameters.map(([ParameterKey, parameter]) => ({
            ParameterKey,
            ParameterValue: parameter.noEcho ? "****" : parameter.given,
            ResolvedValue: parameter.resolved,
          })),
    CreationTime: new Date(stack.createdMs),
    DeletionTime: stack.deletedMs === undefined ? undefined : new Date(stack.deletedMs),
    LastUpdatedTime: stack.updatedMs === undefined ? undefined : new Date(stack.updatedMs),
    RollbackConfiguration: definition?.rollbackConfiguration ?? {},
    StackStatus: stack.status,
    StackStatusReason: stack.statusReason,
    DisableRollback: stack.disableRollback,
    NotificationARNs: definition?.notificationArns ?? [],
    Capabilities: definition?.capabilities as StackDescription["Capabilities"],
    Outputs:
      stack.outputs.length === 0
        ? undefined
        : stack.outputs.map(({ key, value, description, exportName }) => ({
            OutputKey: key,
            OutputValue: value,
            Description: description,
            ExportName: exportName,
          })),
    RoleARN: definition?.roleArn,
    Tags: definition?.tags ?? [],
    EnableTerminationProtection: stack.terminationProtection,
    DriftInformation: NOT_CHECKED,
  };
}

function describeResource(stack: Stack, record: ResourceRecord): StackResource {
  return {
    StackName: stack.name,
    StackId: stack.id,
    LogicalResourceId: record.logicalId,
    PhysicalResourceId: record.physicalId === "" ? undefined : record.physicalId,
    ResourceType: record.type,
    Timestamp: new Date(record.updatedMs),
    ResourceStatus: record.status,
    ResourceStatusReason: record.statusReason,
    DriftInformation: { StackResourceDriftStatus: "NOT_CHECKED" },
  };
}

function summary(template: Template) {
  return {
    Description: template.Description,
    Parameters: Object.entries(template.Parameters).map(([ParameterKey, parameter]) => ({
      ParameterKey,
      ParameterType: parameter.Type,
      DefaultValue: parameter.Default === undefined ? undefined : String(parameter.Default),
      NoEcho: String(parameter.NoEcho) === "true",
      Description: parameter.Description,
    })),
    Capabilities: Object.values(template.Resources).some(({ Type }) => Type.startsWith("AWS::IAM::"))
      ? ["CAPABILITY_NAMED_IAM"]
      : undefined,
  };
}
