import type {
  GetDashboardOutput,
  ListDashboardsInput,
  ListDashboardsOutput,
  PutDashboardInput,
} from "@aws-sdk/client-cloudwatch";
import { AwsError } from "../../kernel/errors.ts";
import type { World } from "../../kernel/service.ts";

interface Dashboard {
  body: string;
  modifiedMs: number;
}

/** Dashboards are recorded, not drawn. */
export function createDashboards(world: World) {
  const dashboards = new Map<string, Dashboard>();
  const arnOf = (name: string) => `arn:aws:cloudwatch::${world.accountId}:dashboard/${name}`;
  const notFound = (name: string) =>
    new AwsError("DashboardNotFoundError", `Dashboard ${name} does not exist`, {
      status: 404,
      queryCode: "ResourceNotFound",
    });

  const operations = {
    PutDashboard: ({ DashboardName = "", DashboardBody = "" }: PutDashboardInput) => {
      const invalid = (message: string) =>
        new AwsError("DashboardInvalidInputError", message, {
          queryCode: "InvalidParameterInput",
          members: { dashboardValidationMessages: [] },
        });
      if (!/^[A-Za-z0-9_-]{1,255}$/.test(DashboardName)) {
        throw invalid(
          `The value ${DashboardName} for field DashboardName contains invalid characters. It can only contain alphanumerics, dash (-) and underscore (_).\n`,
        );
      }
      try {
        JSON.parse(DashboardBody);
      } catch {
        throw invalid("The field DashboardBody must be a valid JSON object");
      }
      dashboards.set(DashboardName, { body: DashboardBody, modifiedMs: world.clock.now() });
      return { DashboardValidationMessages: [] };
    },
    GetDashboard: ({ DashboardName = "" }: { DashboardName?: string }): GetDashboardOutput => {
      const dashboard = dashboards.get(DashboardName);
      if (!dashboard) throw notFound(DashboardName);
      return { DashboardArn: arnOf(DashboardName), DashboardBody: dashboard.body, DashboardName };
    },
    ListDashboards: ({ DashboardNamePrefix = "" }: ListDashboardsInput): ListDashboardsOutput => ({
      DashboardEntries: [...dashboards]
        .filter(([name]) => name.startsWith(DashboardNamePrefix))
        .map(([name, { body, modifiedMs }]) => ({
          DashboardName: name,
          DashboardArn: arnOf(name),
          LastModified: new Date(modifiedMs),
          Size: Buffer.byteLength(body),
        })),
    }),
    DeleteDashboards: ({ DashboardNames = [] }: { DashboardNames?: string[] }) => {
      for (const name of DashboardNames) if (!dashboards.has(name)) throw notFound(name);
      for (const name of DashboardNames) dashboards.delete(name);
      return {};
    },
  };
  return { operations, clear: () => dashboards.clear() };
}
