import type { DeploymentStatus } from "../../lib/core/ports.ts";
import { hasEnded } from "../../lib/core/release/deployment.ts";
import type { Occurrence } from "../../lib/local/kernel/service.ts";
import { describe, type TimelineEvent } from "./timeline.ts";

/** What is noted of one release while it happens. */
export interface ReleaseMarks {
  deploymentId: string | undefined;
  deploymentStatus: string | undefined;
  rollbackDeploymentId: string | undefined;
  baselineVersion: string;
  canaryVersion: string | undefined;
  startedAtMs: number;
  /** The deployment's. */
  createdAtMs: number | undefined;
  endedAtMs: number | undefined;
  shiftStartMs: number | undefined;
  detectedAtMs: number | undefined;
  decidedAtMs: number | undefined;
  restoredAtMs: number | undefined;
  notifications: { subject: string; message: string }[];
}

const UNDO = new Set(["codeDeployRollback", "CloudFormationRollback"]);

/** Listens to the local AWS: writes the timeline and takes the times of the release that is under way. */
export class Recorder {
  readonly events: TimelineEvent[] = [];
  private readonly onEvent: (event: TimelineEvent) => void;
  private functionName = "";
  private marks: ReleaseMarks | undefined;

  constructor(onEvent: (event: TimelineEvent) => void = () => {}) {
    this.onEvent = onEvent;
  }

  /** From now on, times are those of a release of this function. */
  begin(functionName: string, baselineVersion: string, atMs: number): ReleaseMarks {
    this.functionName = functionName;
    this.marks = {
      deploymentId: undefined,
      deploymentStatus: undefined,
      rollbackDeploymentId: undefined,
      baselineVersion,
      canaryVersion: undefined,
      startedAtMs: atMs,
      createdAtMs: undefined,
      endedAtMs: undefined,
      shiftStartMs: undefined,
      detectedAtMs: undefined,
      decidedAtMs: undefined,
      restoredAtMs: undefined,
      notifications: [],
    };
    return this.marks;
  }

  note(atMs: number, kind: string, text: string, detail: Record<string, unknown> = {}): void {
    const event = { atMs, kind, text, detail };
    this.events.push(event);
    this.onEvent(event);
  }

  readonly listen = (occurrence: Occurrence): void => {
    const text = describe(occurrence);
    if (text !== undefined) this.note(occurrence.atMs, occurrence.kind, text, occurrence.detail);
    if (!this.marks) return;
    if (occurrence.kind === "deployment-status") this.onDeployment(occurrence, this.marks);
    if (occurrence.kind === "deployment-stopping") this.onStopping(occurrence, this.marks);
    if (occurrence.kind === "alias-updated") this.onAlias(occurrence, this.marks);
    if (occurrence.kind === "alarm-state") this.onAlarm(occurrence, this.marks);
    if (occurrence.kind === "flag-deployment") this.onFlags(occurrence, this.marks);
    if (occurrence.kind === "notification") {
      const { subject, message } = occurrence.detail;
      this.marks.notifications.push({ subject: String(subject ?? ""), message: String(message ?? "") });
    }
  };

  private onDeployment({ atMs, detail }: Occurrence, marks: ReleaseMarks): void {
    if (detail.functionName !== this.functionName) return;
    if (UNDO.has(String(detail.creator))) {
      if (detail.creator === "codeDeployRollback") marks.rollbackDeploymentId ??= String(detail.deploymentId);
      return;
    }
    marks.deploymentId ??= String(detail.deploymentId);
    if (detail.deploymentId !== marks.deploymentId) return;
    marks.deploymentStatus = String(detail.status);
    marks.createdAtMs ??= atMs;
    if (hasEnded({ status: detail.status as DeploymentStatus })) marks.endedAtMs ??= atMs;
    marks.canaryVersion ??= String(detail.targetVersion);
    if (detail.status === "Stopped" || detail.status === "Failed") {
      marks.detectedAtMs ??= atMs;
      marks.decidedAtMs ??= atMs;
    }
  }

  private onStopping({ atMs, detail }: Occurrence, marks: ReleaseMarks): void {
    if (detail.deploymentId !== marks.deploymentId) return;
    marks.detectedAtMs ??= atMs;
    marks.decidedAtMs ??= atMs;
  }

  private onAlias({ atMs, detail }: Occurrence, marks: ReleaseMarks): void {
    if (detail.functionName !== this.functionName) return;
    const weights = (detail.weights ?? {}) as Record<string, number>;
    const whole = Object.keys(weights).length === 0;
    const onCanary = detail.functionVersion !== marks.baselineVersion || !whole;
    if (onCanary) {
      marks.shiftStartMs ??= atMs;
      // It has come back: a staged release has no share for a moment before its last step.
      if (marks.decidedAtMs === marks.restoredAtMs) marks.decidedAtMs = undefined;
      marks.restoredAtMs = undefined;
    }
    if (!onCanary && marks.shiftStartMs !== undefined) {
      marks.decidedAtMs ??= atMs;
      marks.restoredAtMs ??= atMs;
    }
  }

  private onAlarm({ atMs, detail }: Occurrence, marks: ReleaseMarks): void {
    if (detail.to !== "ALARM" || marks.shiftStartMs === undefined) return;
    if (String(detail.name).includes(`${this.functionName}.`)) marks.detectedAtMs ??= atMs;
  }

  private onFlags({ atMs, detail }: Occurrence, marks: ReleaseMarks): void {
    if (marks.shiftStartMs === undefined || !String(detail.description ?? "").startsWith("goaround:")) return;
    marks.decidedAtMs ??= atMs;
  }
}
