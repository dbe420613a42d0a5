import { ENV } from "../../lib/contract/names.ts";
import { GoaroundError } from "../../lib/core/errors.ts";
import type { Home } from "../../lib/core/release/events.ts";

export interface GuardConfig {
  environment: string;
  ledgerTable: string;
  topicArn: string;
  /** The state machine that watches releases. */
  watchArn: string;
  home: Home;
}

/** Time kept to report: five seconds carry a retried call. Milliseconds. */
const DEFAULT_REPORT_RESERVE_MS = 5000;

type Environment = Record<string, string | undefined>;

/**
 * Reads the configuration of a guard's Lambda. Throws `usage` with all problems. Called inside the guarded part of a
 * run, never while the module loads: a broken configuration must not keep a hook from reporting.
 */
export function readConfig(environment: Environment): GuardConfig {
  const problems: string[] = [];
  const required = (name: string, pattern: RegExp, what: string) => {
    const value = environment[name] ?? "";
    if (!pattern.test(value)) problems.push(value === "" ? `${name} is not set` : `${name} is not ${what}: "${value}"`);
    return value;
  };
  const config = {
    environment: required(ENV.environment, /^[a-z][a-z0-9-]{0,19}$/, "the name of an environment"),
    ledgerTable: required(ENV.ledgerTable, /^[A-Za-z0-9_.-]{3,255}$/, "the name of a table"),
    watchArn: required(
      ENV.watchArn,
      /^arn:[\w-]+:states:[\w-]+:\d{12}:stateMachine:[\w-]+$/,
      "the ARN of a state machine",
    ),
    topicArn: required(ENV.topicArn, /^arn:[\w-]+:sns:[\w-]+:\d{12}:[\w.-]+$/, "the ARN of a topic"),
  };
  if (problems.length > 0) {
    throw new GoaroundError("usage", "operator", `the guard's configuration is broken: ${problems.join("; ")}`, {
      advice: "Deploy the guard's stack again; it sets these variables.",
    });
  }
  // The watch belongs to the guard itself.
  const [, , , region = "", account = ""] = config.watchArn.split(":");
  return { ...config, home: { region, account } };
}

/** Never throws: a wrong value falls back, because the reserve is what makes a hook report at all. */
export function readReserveMs(environment: Environment): number {
  const value = Number(environment[ENV.reportReserveMs]);
  return Number.isFinite(value) && value > 0 ? value : DEFAULT_REPORT_RESERVE_MS;
}
