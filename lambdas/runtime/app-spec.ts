import { GoaroundError } from "../../lib/core/errors.ts";
import type { DeploymentInfo } from "../../lib/core/ports.ts";
import { type AppSpec, parseAppSpec } from "../../lib/core/release/appspec.ts";

/** Throws `appspec-invalid` with all problems. */
export function requireAppSpec(deployment: Pick<DeploymentInfo, "deploymentId" | "appSpec">): AppSpec {
  const parsed = parseAppSpec(deployment.appSpec);
  if (parsed.ok) return parsed.appSpec;
  throw new GoaroundError(
    "appspec-invalid",
    "operator",
    `the AppSpec of ${deployment.deploymentId} is not one for Lambda: ${parsed.problems.join("; ")}`,
    { advice: "Deploy with `goaround deploy` or through the stack; both write a complete AppSpec." },
  );
}
