import { AwsError } from "../../kernel/errors.ts";

/**
 * CodeDeploy's client errors carry no HTTP status in the service model: all are 400 (botocore 1.43, 2026). Texts marked
 * [recorded] are from public recordings; the others say the same as the model's documentation.
 */
const error = (code: string, message: string) => new AwsError(code, message);

/** [recorded] aws/aws-cli#2270. */
export const noApplication = (name: string) =>
  error("ApplicationDoesNotExistException", `No application found for name: ${name}`);
/** [recorded] worded by Cloud Control's CodeDeploy failures. */
export const noGroup = (name: string) =>
  error("DeploymentGroupDoesNotExistException", `No Deployment Group found for name: ${name}`);
export const noDeployment = (id: string) =>
  error("DeploymentDoesNotExistException", `The deployment ${id} could not be found`);
export const noConfiguration = (name: string) =>
  error("DeploymentConfigDoesNotExistException", `No Deployment Configuration found for name: ${name}`);
/** [recorded] CircleCI-Public/aws-ecs-orb#181. */
export const groupIsBusy = (group: string, deploymentId: string) =>
  error(
    "DeploymentLimitExceededException",
    `The Deployment Group '${group}' already has an active Deployment '${deploymentId}'`,
  );
export const required = (code: string, what: string) => error(code, `${what} must be specified`);
export const invalid = (code: string, message: string) => error(code, message);

const NAME = /^\P{Cc}{1,100}$/u;
const DEPLOYMENT_ID = /^d-[A-Z0-9]{9}$/;

export function checkApplicationName(name: string | undefined): string {
  if (!name) throw required("ApplicationNameRequiredException", "Application name");
  if (!NAME.test(name)) throw invalid("InvalidApplicationNameException", `Invalid application name: ${name}`);
  return name;
}

export function checkGroupName(name: string | undefined): string {
  if (!name) throw required("DeploymentGroupNameRequiredException", "Deployment group name");
  if (!NAME.test(name)) throw invalid("InvalidDeploymentGroupNameException", `Invalid deployment group name: ${name}`);
  return name;
}

export function checkConfigurationName(name: string | undefined): string {
  if (!name) throw required("DeploymentConfigNameRequiredException", "Deployment configuration name");
  if (!NAME.test(name)) {
    throw invalid("InvalidDeploymentConfigNameException", `Invalid deployment configuration name: ${name}`);
  }
  return name;
}

export function checkDeploymentId(id: string | undefined): string {
  if (!id) throw required("DeploymentIdRequiredException", "Deployment ID");
  if (!DEPLOYMENT_ID.test(id)) {
    throw invalid("InvalidDeploymentIdException", `Specified DeploymentId is not in the valid format: ${id}`);
  }
  return id;
}

/** Reads a page: 100 names or ids, continued by an opaque token. */
export function page<T>(items: readonly T[], nextToken: string | undefined): { items: T[]; nextToken?: string } {
  const size = 100;
  const start = nextToken === undefined ? 0 : Number(Buffer.from(nextToken, "base64").toString());
  if (!Number.isInteger(start) || start < 0) throw invalid("InvalidNextTokenException", "The next token is not valid");
  const end = start + size;
  return {
    items: items.slice(start, end),
    ...(end < items.length ? { nextToken: Buffer.from(String(end)).toString("base64") } : {}),
  };
}
