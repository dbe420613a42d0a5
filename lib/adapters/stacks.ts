import {
  type Change,
  CloudFormationClient,
  CreateChangeSetCommand,
  DeleteChangeSetCommand,
  DescribeStacksCommand,
  ExecuteChangeSetCommand,
  GetTemplateCommand,
  paginateDescribeChangeSet,
  paginateListStackResources,
  type StackResourceSummary,
} from "@aws-sdk/client-cloudformation";
import { GoaroundError } from "../core/errors.ts";
import type { StackChange, StacksPort } from "../core/operator-ports.ts";
import type { Clock } from "../core/ports.ts";
import { versionInTemplate } from "../core/release/reconcile.ts";
import { calling, errorName, toGoaroundError } from "./errors.ts";
import { type AdapterOptions, connect, lazy } from "./options.ts";

/** A change set of a stack of hundreds of resources takes a minute or two. Milliseconds. */
const CHANGE_SET_LIMIT_MS = 300_000;
const POLL_MS = 2000;
const MAX_DESCRIPTION = 1024;

/** Stacks over the AWS SDK. No Lambda of the guard imports this file. */
export function createStacks(clock: Clock, options: AdapterOptions = {}): StacksPort {
  const client = lazy(() => connect(CloudFormationClient, options));
  const http = { abortSignal: options.signal };
  const about = (operation: string, stackName: string) => ({
    operation: `cloudformation ${operation}`,
    subject: `stack ${stackName}`,
  });

  async function describe(stackName: string) {
    const { Stacks } = await calling(
      about("DescribeStacks", stackName),
      client().send(new DescribeStacksCommand({ StackName: stackName }), http),
    );
    return Stacks?.[0];
  }

  async function resources(stackName: string): Promise<StackResourceSummary[]> {
    const all: StackResourceSummary[] = [];
    const list = async () => {
      for await (const page of paginateListStackResources({ client: client() }, { StackName: stackName }, http)) {
        all.push(...(page.StackResourceSummaries ?? []));
      }
    };
    await calling(about("ListStackResources", stackName), list());
    return all;
  }

  async function template(stackName: string): Promise<string> {
    const { TemplateBody } = await calling(
      about("GetTemplate", stackName),
      client().send(new GetTemplateCommand({ StackName: stackName, TemplateStage: "Original" }), http),
    );
    return TemplateBody ?? "{}";
  }

  /** The changes, once the change set is made; undefined when it failed. */
  async function changesOf(changeSet: string): Promise<StackChange[] | undefined> {
    const deadlineMs = clock.now().getTime() + CHANGE_SET_LIMIT_MS;
    for (;;) {
      const changes: StackChange[] = [];
      let status = "";
      const read = async () => {
        for await (const page of paginateDescribeChangeSet({ client: client() }, { ChangeSetName: changeSet }, http)) {
          status = page.Status ?? "";
          changes.push(...(page.Changes ?? []).map(toChange));
        }
      };
      await calling({ operation: "cloudformation DescribeChangeSet", subject: changeSet }, read());
      if (status === "CREATE_COMPLETE") return changes;
      if (status === "FAILED") return undefined;
      if (clock.now().getTime() >= deadlineMs) {
        throw new GoaroundError("timed-out", "dependency", `change set ${changeSet} is still ${status}`);
      }
      await clock.sleep(POLL_MS, options.signal);
    }
  }

  const discard = async (changeSet: string) => {
    await calling(
      { operation: "cloudformation DeleteChangeSet", subject: changeSet },
      client().send(new DeleteChangeSetCommand({ ChangeSetName: changeSet }), http),
    );
  };

  return {
    template,
    discard,

    async alias(stackName, aliasArn) {
      const [stack, all] = await Promise.all([describe(stackName), resources(stackName)]);
      const found = all.find(
        ({ ResourceType, PhysicalResourceId }) =>
          ResourceType === "AWS::Lambda::Alias" && PhysicalResourceId === aliasArn,
      );
      if (!found?.LogicalResourceId) return undefined;
      const physicalIdOf = (id: string) => all.find((one) => one.LogicalResourceId === id)?.PhysicalResourceId;
      const recorded = versionInTemplate(await template(stackName), found.LogicalResourceId, physicalIdOf);
      return {
        stackName,
        status: stack?.StackStatus ?? "",
        logicalId: found.LogicalResourceId,
        recordedVersion: "version" in recorded ? recorded.version : undefined,
        problem: "problem" in recorded ? recorded.problem : undefined,
      };
    },

    async propose({ stackName, template: TemplateBody, compare, description }) {
      const stack = await describe(stackName);
      let changeSet: string;
      try {
        const { Id } = await client().send(
          new CreateChangeSetCommand({
            StackName: stackName,
            ChangeSetName: `goaround-${compare}-${clock.now().getTime()}`,
            ChangeSetType: "UPDATE",
            Description: description.slice(0, MAX_DESCRIPTION),
            TemplateBody,
            Parameters: (stack?.Parameters ?? []).map(({ ParameterKey }) => ({ ParameterKey, UsePreviousValue: true })),
            Capabilities: ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            ...(compare === "live" ? { DeploymentMode: "REVERT_DRIFT" as const } : {}),
          }),
          http,
        );
        changeSet = Id ?? "";
      } catch (error) {
        // Not for this stack, or a CloudFormation that does not know drift-aware change sets.
        if (compare === "live" && errorName(error) === "ValidationError") return undefined;
        throw toGoaroundError(error, about("CreateChangeSet", stackName));
      }
      const changes = await changesOf(changeSet);
      if (changes) return { changeSet, changes };
      await discard(changeSet);
      return undefined;
    },

    async execute(changeSet) {
      await calling(
        { operation: "cloudformation ExecuteChangeSet", subject: changeSet },
        client().send(new ExecuteChangeSetCommand({ ChangeSetName: changeSet }), http),
      );
    },

    async status(stackName) {
      const stack = await describe(stackName);
      return { status: stack?.StackStatus ?? "", reason: stack?.StackStatusReason };
    },
  };
}

function toChange({ ResourceChange: change }: Change): StackChange {
  const targets = (change?.Details ?? []).flatMap(({ Target }) => (Target ? [Target] : []));
  return {
    logicalId: change?.LogicalResourceId ?? "",
    action: change?.Action ?? "",
    replaces: change?.Replacement !== undefined && change.Replacement !== "False",
    names: [...new Set(targets.map(({ Attribute, Name }) => Name ?? Attribute ?? ""))],
  };
}
