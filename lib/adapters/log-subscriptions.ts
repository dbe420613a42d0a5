import {
  CloudWatchLogsClient,
  DeleteSubscriptionFilterCommand,
  DescribeSubscriptionFiltersCommand,
  PutSubscriptionFilterCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import type { LogSubscriptionsPort, Refusal } from "../core/signals/ports.ts";
import { errorName, isNotFound, toGoaroundError } from "./errors.ts";
import { type AdapterOptions, connect, lazy } from "./options.ts";

/** Terms, because a group may hold text and JSON side by side: the ends of requests, and what text says of failures. */
const PATTERN = [
  '"REPORT RequestId"',
  '"platform.report"',
  '"platform.initReport"',
  '"INIT_REPORT"',
  '"Invoke Error"',
  '"Uncaught Exception"',
  '"Unhandled Promise Rejection"',
  '"Traceback"',
  '"Task timed out"',
  '"Runtime exited"',
]
  .map((term) => `?${term}`)
  .join(" ");

/** By the names of CloudWatch Logs' errors (API reference, PutSubscriptionFilter, 2026). */
const REFUSALS: Record<string, Refusal> = {
  LimitExceededException: "taken",
  ResourceNotFoundException: "no-log-group",
  AccessDeniedException: "not-allowed",
  InvalidParameterException: "not-supported",
  InvalidOperationException: "not-supported",
};

/** `destinationArn`: the signals Lambda. */
export function createLogSubscriptions(destinationArn: string, options: AdapterOptions = {}): LogSubscriptionsPort {
  const client = lazy(() => connect(CloudWatchLogsClient, options));
  return {
    ...createLogFilters(options),
    async put(logGroup, filterName) {
      const input = { logGroupName: logGroup, filterName, filterPattern: PATTERN, destinationArn };
      try {
        await client().send(new PutSubscriptionFilterCommand(input), { abortSignal: options.signal });
        return "subscribed";
      } catch (error) {
        const failure = toGoaroundError(error, about("PutSubscriptionFilter", logGroup));
        const refused = REFUSALS[errorName(error)];
        if (refused) return { refused, why: failure.message };
        throw failure;
      }
    },
  };
}

/** For those who only tidy up. */
export function createLogFilters(options: AdapterOptions = {}): Pick<LogSubscriptionsPort, "remove" | "list"> {
  const client = lazy(() => connect(CloudWatchLogsClient, options));
  const http = { abortSignal: options.signal };

  return {
    async remove(logGroup, filterName) {
      try {
        await client().send(new DeleteSubscriptionFilterCommand({ logGroupName: logGroup, filterName }), http);
      } catch (error) {
        if (!isNotFound(error)) throw toGoaroundError(error, about("DeleteSubscriptionFilter", logGroup));
      }
    },

    async list(logGroup, prefix) {
      const command = new DescribeSubscriptionFiltersCommand({ logGroupName: logGroup, filterNamePrefix: prefix });
      try {
        // Two at most: there is no second page.
        const { subscriptionFilters = [] } = await client().send(command, http);
        return subscriptionFilters.map(({ filterName }) => filterName ?? "");
      } catch (error) {
        if (isNotFound(error)) return [];
        throw toGoaroundError(error, about("DescribeSubscriptionFilters", logGroup));
      }
    },
  };
}

const about = (operation: string, logGroup: string) => ({
  operation: `logs ${operation}`,
  subject: `log group ${logGroup}`,
});
