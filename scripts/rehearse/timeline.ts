import type { Occurrence } from "../../lib/local/kernel/service.ts";

/** One line of the story of a rehearsal. */
export interface TimelineEvent {
  /** Epoch milliseconds, virtual. */
  atMs: number;
  kind: string;
  text: string;
  detail: Record<string, unknown>;
}

/** One minute of one version's traffic, as the callers saw it. */
export interface MinuteOfTraffic {
  minuteMs: number;
  version: string;
  requests: number;
  errors: number;
  /** Milliseconds; the mean over the minute. */
  meanDurationMs: number;
}

const text = (value: unknown) => (value === undefined || value === null ? "" : String(value));

/** What is worth a line, and its words; undefined for what is not. */
export function describe(occurrence: Occurrence): string | undefined {
  const d = occurrence.detail;
  switch (occurrence.kind) {
    case "alias-updated": {
      const weights = Object.entries((d.weights as Record<string, number> | undefined) ?? {});
      const share = weights.map(([version, weight]) => `${Math.round(weight * 1000) / 10} % on version ${version}`);
      return `alias ${text(d.functionName)}:${text(d.alias)} → version ${text(d.functionVersion)}${share.length ? `, ${share.join(", ")}` : ""}`;
    }
    case "deployment-status":
      return `deployment ${text(d.deploymentId)} ${text(d.status)}${d.creator === "codeDeployRollback" ? " (rollback)" : ""}${d.errorCode ? `: ${text(d.errorCode)}` : ""}`;
    case "deployment-stopping":
      return `deployment ${text(d.deploymentId)} is being stopped`;
    case "lifecycle-event":
      return `  ${text(d.event)} ${text(d.status)} (${text(d.deploymentId)})`;
    case "alarm-state":
      return d.to === "ALARM" || d.from === "ALARM"
        ? `alarm ${text(d.name)} ${text(d.from)} → ${text(d.to)}`
        : undefined;
    case "flag-deployment":
      return `flags deployment ${text(d.deploymentNumber ?? d.number)} ${text(d.state)}${d.percentageComplete === undefined ? "" : ` ${text(d.percentageComplete)} %`}`;
    case "stack-status":
      return `stack ${text(d.stackName)} ${text(d.status)}${d.reason ? `: ${text(d.reason)}` : ""}`;
    case "stack-resource":
      return String(d.status).endsWith("_FAILED")
        ? `  ${text(d.logicalId)} ${text(d.status)}: ${text(d.reason)}`
        : undefined;
    case "notification":
      return `notification: ${text(d.subject)}`;
    default:
      return undefined;
  }
}

/** `+03:20` from a reference, or `-00:30` before it. */
export function offset(atMs: number, referenceMs: number): string {
  const total = Math.round((atMs - referenceMs) / 1000);
  const magnitude = Math.abs(total);
  const pad = (value: number) => String(value).padStart(2, "0");
  return `${total < 0 ? "-" : "+"}${pad(Math.floor(magnitude / 60))}:${pad(magnitude % 60)}`;
}
