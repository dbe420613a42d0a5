import { Stack } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { type DeclaredMetric, secretsOf } from "../contract/declared-metrics.ts";
import { stackArn } from "./arns.ts";
import type { Permission } from "./least-privilege-role.ts";

/** What the guard needs a right for to read metrics that live outside CloudWatch. */
export interface MetricSources {
  /** Secrets in Secrets Manager that policies name in their metrics: names or ARNs. */
  readonly secrets?: readonly string[];
  /** ARNs of the keys that encrypt them; a secret under the account's own key needs none. */
  readonly secretKeyArns?: readonly string[];
  /** ARNs of workspaces of Amazon Managed Service for Prometheus. */
  readonly prometheusWorkspaceArns?: readonly string[];
}

/** The rights behind them; none without any. */
export function metricSourcePermissions(scope: Construct, sources: MetricSources): Permission[] {
  const { secrets = [], secretKeyArns = [], prometheusWorkspaceArns = [] } = sources;
  // AWS ends a secret's ARN in a dash and six random characters (Secrets Manager user guide, 2026).
  const arnOf = (id: string) => (id.startsWith("arn:") ? id : stackArn(scope, "secretsmanager", `secret:${id}-??????`));
  return [
    { actions: ["secretsmanager:GetSecretValue"], resources: secrets.map(arnOf) },
    { actions: ["kms:Decrypt"], resources: [...secretKeyArns] },
    { actions: ["aps:QueryMetrics"], resources: [...prometheusWorkspaceArns] },
  ].filter(({ resources }) => resources.length > 0);
}

const WORKSPACE = /^https:\/\/aps-workspaces\.([a-z\d-]+)\.amazonaws\.com\/workspaces\/(ws-[\w-]+)/;

/** What a list of metrics needs, secrets under the account's own key. */
export function metricSourcesOf(scope: Construct, metrics: readonly DeclaredMetric[]): MetricSources {
  const { partition, account } = Stack.of(scope);
  const workspaces = metrics.flatMap((metric) => {
    const match = metric.source === "prometheus" ? WORKSPACE.exec(metric.url) : null;
    return match ? [`arn:${partition}:aps:${match[1]}:${account}:workspace/${match[2]}`] : [];
  });
  return {
    secrets: [...new Set(metrics.flatMap(secretsOf))],
    prometheusWorkspaceArns: [...new Set(workspaces)],
  };
}
