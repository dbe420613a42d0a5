import {
  CloudWatchLogsClient,
  DescribeLogGroupsCommand,
  DescribeLogStreamsCommand,
  DescribeSubscriptionFiltersCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { GetPolicyCommand, LambdaClient } from "@aws-sdk/client-lambda";
import type { LogGroupsPort } from "../core/operator-ports.ts";
import { calling, isNotFound } from "./errors.ts";
import { type AdapterOptions, connect, lazy } from "./options.ts";

/** What the operator's commands ask of log groups. No Lambda of the guard imports this file. */
export function createLogGroups(options: AdapterOptions = {}): LogGroupsPort {
  const logs = lazy(() => connect(CloudWatchLogsClient, options));
  const lambda = lazy(() => connect(LambdaClient, options));
  const http = { abortSignal: options.signal };

  /** Nothing where the function, or its resource policy, is not there. */
  async function statementsOf(functionName: string): Promise<Statement[]> {
    const work = async () => {
      try {
        const { Policy = "{}" } = await lambda().send(new GetPolicyCommand({ FunctionName: functionName }), http);
        return (JSON.parse(Policy) as { Statement?: Statement[] }).Statement ?? [];
      } catch (error) {
        if (isNotFound(error)) return [];
        throw error;
      }
    };
    return calling({ operation: "lambda GetPolicy", subject: `function ${functionName}` }, work());
  }

  return {
    async look(logGroup, subscriber) {
      const about = (operation: string) => ({ operation: `logs ${operation}`, subject: `log group ${logGroup}` });
      // Names come in order, and none that begins with the whole name comes before it.
      const described = new DescribeLogGroupsCommand({ logGroupNamePrefix: logGroup, limit: 1 });
      const { logGroups = [] } = await calling(about("DescribeLogGroups"), logs().send(described, http));
      const group = logGroups.find(({ logGroupName }) => logGroupName === logGroup);
      if (!group) return undefined;
      const newest = new DescribeLogStreamsCommand({
        logGroupName: logGroup,
        orderBy: "LastEventTime",
        descending: true,
        limit: 1,
      });
      const filters = new DescribeSubscriptionFiltersCommand({ logGroupName: logGroup });
      const [{ subscriptionFilters = [] }, { logStreams = [] }, statements] = await Promise.all([
        calling(about("DescribeSubscriptionFilters"), logs().send(filters, http)),
        calling(about("DescribeLogStreams"), logs().send(newest, http)),
        statementsOf(subscriber),
      ]);
      const lastEvent = logStreams[0]?.lastEventTimestamp;
      return {
        logGroupClass: group.logGroupClass ?? "STANDARD",
        createdAt: new Date(group.creationTime ?? 0),
        filters: subscriptionFilters.map(({ filterName }) => filterName ?? ""),
        newestEventAt: lastEvent === undefined ? undefined : new Date(lastEvent),
        isDeliverable: statements.some((statement) => isForLogs(statement, group.arn ?? "")),
      };
    },
  };
}

/** As Lambda makes them of AddPermission: one principal, one condition on the source. */
interface Statement {
  Effect?: string;
  Principal?: string | { Service?: string };
  Condition?: Record<string, Record<string, string>>;
}

/** `arn` ends in `:*`, as CloudWatch Logs names itself to the function. */
function isForLogs({ Effect, Principal, Condition = {} }: Statement, arn: string): boolean {
  const service = typeof Principal === "string" ? Principal : Principal?.Service;
  // Before regional names the service had one with its region in it (CloudWatch Logs user guide, subscriptions, 2026).
  if (Effect !== "Allow" || !/^(?:\*|logs\.(?:[a-z\d-]+\.)?amazonaws\.com)$/.test(service ?? "")) return false;
  const sources = Object.values(Condition)
    .flatMap((test) => Object.entries(test))
    .filter(([key]) => key.toLowerCase() === "aws:sourcearn");
  return sources.every(([, pattern]) => matches(pattern, arn));
}

function matches(pattern: string, arn: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.*+^${}()|[\]\\]/g, "\\$&").replaceAll("?", "."));
  return new RegExp(`^${parts.join(".*")}$`).test(arn);
}
