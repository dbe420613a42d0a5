import type { LocalService, RequestContext, World } from "./kernel/service.ts";

/** The qualifier and version of the CDK's bootstrap template (aws-cdk 2.1148.1, bootstrap-template.yaml). */
const QUALIFIER = "hnb659fds";
const BOOTSTRAP_VERSION = "30";
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
  function plant(): void {
    ssm.operations.PutParameter?.(
      { Name: `/cdk-bootstrap/${QUALIFIER}/version`, Type: "String", Value: BOOTSTRAP_VERSION },
      context,
    );
    s3.operations.CreateBucket?.({ Bucket: bucket }, context);
    s3.operations.PutBucketVersioning?.({ Bucket: bucket, VersioningConfiguration: { Status: "Enabled" } }, context);
    for (const { name, trusts, managed = [], policy } of bootstrapRoles(world, bucket)) {
      const RoleName = `cdk-${QUALIFIER}-${name}-${suffix}`;
      iam.operations.CreateRole?.({ RoleName, AssumeRolePolicyDocument: document(trusts) }, context);
      for (const policyName of managed) {
        iam.operations.AttachRolePolicy?.({ RoleName, PolicyArn: `arn:aws:iam::aws:policy/${policyName}` }, context);
      }
      if (policy) {
        const input = { RoleName, PolicyName: "default", PolicyDocument: document(...policy) };
        iam.operations.PutRolePolicy?.(input, context);
      }
    }
  }

  plant();
  return { name: "cdk-bootstrap", operations: {}, reset: plant };
}

interface BootstrapRole {
  name: string;
  trusts: object;
  /** Names of policies that AWS manages. */
  managed?: string[];
  /** Statements of its own policy. */
  policy?: object[];
}

const document = (...statements: object[]) => JSON.stringify({ Version: "2012-10-17", Statement: statements });

/** Roles, trust and rights as in the CDK's template, less what concerns image assets and other accounts. */
function bootstrapRoles({ accountId, region }: World, bucket: string): BootstrapRole[] {
  const assumable = { Effect: "Allow", Action: "sts:AssumeRole", Principal: { AWS: accountId } };
  const allow = (Action: string[], Resource: string | string[], Condition?: object) => ({
    Effect: "Allow",
    Action,
    Resource,
    ...(Condition && { Condition }),
  });
  const bucketArn = `arn:aws:s3:::${bucket}`;
  const inBucket = [bucketArn, `${bucketArn}/*`];
  const read = ["s3:GetObject*", "s3:GetBucket*", "s3:List*"];
  return [
    {
      name: "deploy-role",
      trusts: assumable,
      managed: ["AWSCloudFormationReadOnlyAccess"],
      policy: [
        allow(
          [
            "cloudformation:CreateChangeSet",
            "cloudformation:DeleteChangeSet",
            "cloudformation:ExecuteChangeSet",
            "cloudformation:CreateStack",
            "cloudformation:UpdateStack",
            "cloudformation:RollbackStack",
            "cloudformation:ContinueUpdateRollback",
            "cloudformation:DeleteStack",
            "cloudformation:UpdateTerminationProtection",
            "sts:GetCallerIdentity",
          ],
          "*",
        ),
        allow(["iam:PassRole"], `arn:aws:iam::${accountId}:role/cdk-${QUALIFIER}-cfn-exec-role-${accountId}-${region}`),
        allow(read, inBucket),
        allow(
          ["ssm:GetParameter", "ssm:GetParameters"],
          `arn:aws:ssm:${region}:${accountId}:parameter/cdk-bootstrap/${QUALIFIER}/version`,
        ),
      ],
    },
    {
      name: "file-publishing-role",
      trusts: assumable,
      policy: [
        allow([...read, "s3:GetEncryptionConfiguration", "s3:DeleteObject*", "s3:PutObject*", "s3:Abort*"], inBucket, {
          StringEquals: { "aws:ResourceAccount": [accountId] },
        }),
      ],
    },
    { name: "image-publishing-role", trusts: assumable },
    {
      name: "lookup-role",
      trusts: assumable,
      managed: ["ReadOnlyAccess"],
      policy: [{ Effect: "Deny", Action: ["kms:Decrypt"], Resource: "*" }],
    },
    {
      name: "cfn-exec-role",
      trusts: { Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "cloudformation.amazonaws.com" } },
      managed: ["AdministratorAccess"],
    },
  ];
}
