import type { Policy } from "../../contract/policy.ts";
import type { LogGroupState } from "../operator-ports.ts";
import type { VersionInfo } from "../ports.ts";
import { sampleOneIn } from "./sample.ts";

/** What is known of a function's log before a release. Undefined where something could not be read. */
export interface LogFacts {
  functionName: string;
  signals: Policy["signals"];
  /** The version that serves, and what is to replace it. */
  versions: readonly LoggingVersion[];
  /** The log groups of these, by name. */
  groups: Readonly<Record<string, { found: LogGroupState | undefined } | undefined>>;
  /** The guard's own subscription filters begin so. */
  ownFilterPrefix: string;
  /** The Lambda that the log is handed to. */
  subscriber: string;
  /** Requests of the alias in `SILENCE`, and a second in the ten minutes before now. */
  requests: { inSilence: number; perSecond: number } | undefined;
  now: Date;
}

export interface LoggingVersion extends Pick<VersionInfo, "version" | "logFormat" | "systemLogLevel" | "runtime"> {
  logGroup: string;
}

/** One thing that a person should know of the next release's evidence, and the command that shows it. */
export interface LogForecast {
  code: "log-not-counted" | "log-sampled";
  message: string;
  command: string;
}

/**
 * What a function was asked in this time must be in its log by now. The time of a log stream's last event is brought up to
 * date within an hour typically (CloudWatch Logs API reference, LogStream, 2026); another is left for what is not typical.
 * Milliseconds ago.
 */
export const SILENCE = { fromMs: 4 * 3_600_000, toMs: 2 * 3_600_000 };

/** Subscription filters for each log group (CloudWatch Logs quotas, 2026). */
const MAX_FILTERS = 2;

/**
 * Why the next release would be judged by Lambda's metrics although its policy says logs, and whether a part of the requests
 * would be counted. What the guard's role may do is not looked at: no operator sees that without simulating IAM.
 */
export function forecastLog(facts: LogFacts): LogForecast[] {
  if (facts.signals.source === "metrics") return [];
  const obstacles = [
    ...facts.versions.flatMap((version) => hiddenOf(facts, version)),
    ...[...new Set(facts.versions.map(({ logGroup }) => logGroup))].flatMap((name) => obstacleOf(facts, name)),
  ];
  const notCounted = obstacles.map(({ why, command }): LogForecast => {
    const message = `the next release would be judged by Lambda's metrics, a minute or two later than by the log: ${why}`;
    return { code: "log-not-counted", message, command };
  });
  return notCounted.length > 0 ? notCounted : sampling(facts);
}

interface Obstacle {
  why: string;
  command: string;
}

/** Runtimes whose lines about an error that the handler throws are read in text. */
const READ_IN_TEXT = /^(nodejs|python)/;

/**
 * What the log of a version does not tell of, whatever is written; undefined where it tells of all that is judged.
 * - The records that end requests which went well are of level INFO (Lambda guide, "Log-level filtering", 2026): above it a
 *   log tells of failures at most. Text always has its REPORT.
 * - The REPORT of text says nothing of an error that the handler threw, and each runtime writes of it in its own way: such a
 *   version would seem to be without errors beside one that logs in JSON, whose reports have a status.
 */
export function hiddenBy({
  logFormat,
  systemLogLevel,
  runtime,
}: Pick<LoggingVersion, "logFormat" | "systemLogLevel" | "runtime">): string | undefined {
  if (systemLogLevel === "WARN") return "has the system log level WARN, which hides the records that end each request";
  if (logFormat === "JSON" || READ_IN_TEXT.test(runtime ?? "")) return undefined;
  const who = runtime === undefined ? "an image's runtime, which is not known," : runtime;
  return `logs text, in which errors that a handler of ${who} throws are not told apart`;
}

function hiddenOf({ functionName }: LogFacts, version: LoggingVersion): Obstacle[] {
  const why = hiddenBy(version);
  if (why === undefined) return [];
  const isNext = version.version === "$LATEST";
  const remedy = version.systemLogLevel === "WARN" ? "the level INFO shows them" : "the log format JSON shows them";
  return [
    {
      why: `${isNext ? "what would be published next" : `version ${version.version}`} ${why}; ${remedy}`,
      command: `aws lambda get-function-configuration --function-name ${functionName} --qualifier '${version.version}' --query '[Runtime, LoggingConfig]'`,
    },
  ];
}

/** The first that stands in the way of subscribing to a log group, or of learning something from it. */
function obstacleOf(facts: LogFacts, name: string): Obstacle[] {
  const group = facts.groups[name];
  if (!group) return [];
  const { found } = group;
  if (!found) {
    return [
      {
        why: `log group ${name} does not exist: the function has never logged, or its role may not`,
        command: `aws logs describe-log-groups --log-group-name-prefix ${name}`,
      },
    ];
  }
  if (found.logGroupClass !== "STANDARD") {
    return [
      {
        why: `log group ${name} is of the class ${found.logGroupClass}, which has no subscription filters, and a group keeps its class`,
        command: `aws logs describe-log-groups --log-group-name-prefix ${name}`,
      },
    ];
  }
  const others = found.filters.filter((filter) => !filter.startsWith(facts.ownFilterPrefix));
  if (others.length >= MAX_FILTERS) {
    return [
      {
        why: `log group ${name} has two subscription filters of others (${others.join(", ")}), which is as many as there may be`,
        command: `aws logs describe-subscription-filters --log-group-name ${name}`,
      },
    ];
  }
  if (!found.isDeliverable) {
    return [
      {
        why: `CloudWatch Logs may not hand log group ${name} to ${facts.subscriber}: its resource policy names the log groups of the guard's functionNamePrefixes only`,
        command: `aws lambda get-policy --function-name ${facts.subscriber}`,
      },
    ];
  }
  return silence(facts, name, found);
}

function silence({ requests, now }: LogFacts, name: string, { createdAt, newestEventAt }: LogGroupState): Obstacle[] {
  const from = now.getTime() - SILENCE.fromMs;
  if (!requests || requests.inSilence === 0 || createdAt.getTime() > from) return [];
  if (newestEventAt && newestEventAt.getTime() >= from) return [];
  const last = newestEventAt ? `nothing newer than ${newestEventAt.toISOString()}` : "nothing";
  return [
    {
      why: `log group ${name} holds ${last}, although the alias had ${requests.inSilence} requests between four and two hours ago: may the function's role write it?`,
      command: `aws logs describe-log-streams --log-group-name ${name} --order-by LastEventTime --descending --max-items 1`,
    },
  ];
}

function sampling({ signals, requests, versions }: LogFacts): LogForecast[] {
  const oneIn = requests && sampleOneIn(requests.perSecond, signals.sampleAbovePerSecond);
  if (!oneIn) return [];
  const perSecond = Math.round(requests.perSecond);
  return [
    {
      code: "log-sampled",
      message: `of ${oneIn} requests one would be counted, of both versions alike: the alias had ${perSecond} requests/s in the last ten minutes, and the policy's limit is ${signals.sampleAbovePerSecond}`,
      command: `aws logs describe-log-groups --log-group-name-prefix ${versions[0]?.logGroup}`,
    },
  ];
}
