import type { LocalService, RequestContext, World } from "./kernel/service.ts";

/** The qualifier and version of the CDK's bootstrap template (aws-cdk 2.1148.1, bootstrap-template.yaml). */
const QUALIFIER = "hnb659fds";
const BOOTSTRAP_VERSION = "30";
const ROLES = ["deploy-role", "file-publishing-role", "image-publishing-role", "lookup-role", "cfn-exec-role"];

interface Backing {
  ssm: LocalService;
  s3: LocalService;
  iam: LocalService;
}

/**
 * What `cdk bootstrap` leaves in an account, so that `cdk deploy` works at once. Registered as the last service: a reset of
 * the world empties the services first and then comes here, which plants it again.
 */
export function createBootstrap(world: World, { ssm, s3, iam }: Backing): LocalService {
  const suffix = `${world.accountId}-${world.region}`;
  const bucket = `cdk-${QUALIFIER}-assets-${suffix}`;
  const context: RequestContext = {
    principal: world.servicePrincipal("cdk-bootstrap"),
    requestId: "cdk-bootstrap",
    userAgent: "",
  };
  const trust = JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      { Effect: "Allow", Action: "sts:AssumeRole", Principal: { AWS: `arn:aws:iam::${world.accountId}:root` } },
      { Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "cloudformation.amazonaws.com" } },
    ],
  });

  function plant(): void {
    ssm.operations.PutParameter?.(
      { Name: `/cdk-bootstrap/${QUALIFIER}/version`, Type: "String", Value: BOOTSTRAP_VERSION },
      context,
    );
    s3.operations.CreateBucket?.({ Bucket: bucket }, context);
    s3.operations.PutBucketVersioning?.({ Bucket: bucket, VersioningConfiguration: { Status: "Enabled" } }, context);
    for (const role of ROLES) {
      iam.operations.CreateRole?.(
        { RoleName: `cdk-${QUALIFIER}-${role}-${suffix}`, AssumeRolePolicyDocument: trust },
        context,
      );
    }
  }

  plant();
  return { name: "cdk-bootstrap", operations: {}, reset: plant };
}
