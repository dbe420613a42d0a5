import type { Target } from "@aws-sdk/client-eventbridge";
import type { BusEvent } from "./records.ts";

/** The text that a target receives for an event: the event, a part of it, a constant, or a transformed text. */
export function targetInput(
  target: Target,
  event: BusEvent,
  rule: { name: string; arn: string },
  nowMs: number,
): string {
  if (target.Input !== undefined) return target.Input;
  if (target.InputPath !== undefined) return JSON.stringify(valueAt(event, target.InputPath) ?? null);
  if (!target.InputTransformer) return JSON.stringify(event);
  const { InputPathsMap = {}, InputTemplate = "" } = target.InputTransformer;
  const values: Record<string, unknown> = {
    "aws.events.rule-arn": rule.arn,
    "aws.events.rule-name": rule.name,
    "aws.events.event.ingestion-time": new Date(nowMs).toISOString(),
    "aws.events.event": { ...event, detail: undefined },
    "aws.events.event.json": event,
  };
  for (const [name, path] of Object.entries(InputPathsMap)) values[name] = valueAt(event, path);
  return fillTemplate(InputTemplate, values);
}

/** Inside quotes a value stands as plain text, outside as JSON (EventBridge user guide, "Input transformation", 2026). */
function fillTemplate(template: string, values: Record<string, unknown>): string {
  let quoted = false;
  let escaped = false;
  let filled = "";
  for (let index = 0; index < template.length; index++) {
    const character = template[index] as string;
    const name = character === "<" ? /^<([A-Za-z0-9_.-]+)>/.exec(template.slice(index))?.[1] : undefined;
    if (name !== undefined && name in values) {
      filled += quoted ? asText(values[name]) : JSON.stringify(values[name] ?? null);
      index += name.length + 1;
      continue;
    }
    if (character === '"' && !escaped) quoted = !quoted;
    escaped = character === "\\" && !escaped;
    filled += character;
  }
  return filled;
}

function asText(value: unknown): string {
  if (value === undefined || value === null) return "";
  return JSON.stringify(typeof value === "string" ? value : JSON.stringify(value)).slice(1, -1);
}

const STEP = /\.([A-Za-z0-9_-]+)|\[(\d+)\]|\['([^']+)'\]|\["([^"]+)"\]/y;

/** `$`, `$.a.b`, `$.a[0]`, `$['a']`; undefined for other syntax. */
export function pathSteps(path: string): string[] | undefined {
  if (!path.startsWith("$")) return undefined;
  const steps: string[] = [];
  STEP.lastIndex = 1;
  while (STEP.lastIndex < path.length) {
    const match = STEP.exec(path);
    if (!match) return undefined;
    steps.push(match[1] ?? match[2] ?? match[3] ?? match[4] ?? "");
  }
  return steps;
}

function valueAt(event: BusEvent, path: string): unknown {
  let value: unknown = event;
  for (const step of pathSteps(path) ?? []) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}
