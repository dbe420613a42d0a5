import type { MetricSample } from "../../kernel/service.ts";

interface Directive {
  Namespace?: unknown;
  Dimensions?: unknown;
  Metrics?: unknown;
}

/**
 * The metrics that a log event carries in CloudWatch's embedded metric format (specification, 2023): the whole event is
 * one JSON object with `_aws.CloudWatchMetrics`. What the specification does not allow is left out, as the service does.
 */
export function embeddedMetrics(message: string, arrivedMs: number): MetricSample[] {
  if (!message.startsWith("{") || !message.includes('"_aws"')) return [];
  let root: Record<string, unknown>;
  try {
    root = JSON.parse(message);
  } catch {
    return [];
  }
  const metadata = root._aws as { Timestamp?: unknown; CloudWatchMetrics?: unknown } | undefined;
  if (!Array.isArray(metadata?.CloudWatchMetrics)) return [];
  const timestampMs = typeof metadata.Timestamp === "number" ? metadata.Timestamp : arrivedMs;
  return (metadata.CloudWatchMetrics as Directive[]).flatMap((directive) => samples(root, directive, timestampMs));
}

function samples(root: Record<string, unknown>, directive: Directive, timestampMs: number): MetricSample[] {
  const { Namespace: namespace, Dimensions: sets, Metrics: metrics } = directive;
  if (typeof namespace !== "string" || !Array.isArray(metrics) || metrics.length > 100) return [];
  const found: MetricSample[] = [];
  for (const metric of metrics as { Name?: unknown; Unit?: unknown; StorageResolution?: unknown }[]) {
    const name = metric.Name;
    if (typeof name !== "string") continue;
    const target = root[name];
    const values = (Array.isArray(target) ? target : [target]).filter((value) => typeof value === "number");
    if (values.length === 0 || values.length > 100) continue;
    for (const set of Array.isArray(sets) ? sets : [[]]) {
      const dimensions = dimensionsOf(root, set);
      if (!dimensions) continue;
      found.push({
        namespace,
        name,
        dimensions,
        timestampMs,
        values,
        unit: typeof metric.Unit === "string" ? metric.Unit : "None",
        storageResolutionSeconds: metric.StorageResolution === 1 ? 1 : 60,
      });
    }
  }
  return found;
}

/** A set names members of the root whose values are strings; a set that does not is invalid as a whole. */
function dimensionsOf(root: Record<string, unknown>, set: unknown): Record<string, string> | undefined {
  if (!Array.isArray(set) || set.length > 30) return undefined;
  const dimensions: Record<string, string> = {};
  for (const key of set) {
    const value = typeof key === "string" ? root[key] : undefined;
    if (typeof value !== "string" || value.length > 1024) return undefined;
    dimensions[key] = value;
  }
  return dimensions;
}
