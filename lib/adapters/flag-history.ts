import { AppConfigClient, StopDeploymentCommand } from "@aws-sdk/client-appconfig";
import type { FlagHistoryPort } from "../core/operator-ports.ts";
import { calling } from "./errors.ts";
import { environmentOf, flagDeployments } from "./flag-deployments.ts";
import { type AdapterOptions, connect, lazy } from "./options.ts";

/** What AppConfig keeps of earlier flag deployments. */
export function createFlagHistory(options: AdapterOptions = {}): FlagHistoryPort {
  const client = lazy(() => connect(AppConfigClient, options));
  const http = { abortSignal: options.signal };
  const deployments = flagDeployments(client, options.signal);
  return {
    async completed(target) {
      const all = [];
      for await (const { number, version, completedAt } of deployments.completed(target)) {
        all.push({ number, version, completedAt });
      }
      return all;
    },

    content: deployments.document,

    async revert(target, DeploymentNumber) {
      await calling(
        {
          operation: "appconfig StopDeployment",
          subject: `flag deployment ${DeploymentNumber} of environment ${target.environmentId}`,
          missing: "flags-missing",
        },
        client().send(
          new StopDeploymentCommand({ ...environmentOf(target), DeploymentNumber, AllowRevert: true }),
          http,
        ),
      );
    },
  };
}
