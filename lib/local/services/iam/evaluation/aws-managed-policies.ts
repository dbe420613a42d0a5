/** Services of the local AWS, for the parts of ReadOnlyAccess that matter here. */
const READABLE = [
  "appconfig",
  "cloudformation",
  "cloudwatch",
  "codedeploy",
  "events",
  "iam",
  "kms",
  "lambda",
  "logs",
  "s3",
  "secretsmanager",
  "sns",
  "sqs",
  "ssm",
  "states",
];

const allow = (actions: readonly string[], resources: string | readonly string[] = "*", condition?: object) => ({
  Effect: "Allow",
  Action: actions,
  Resource: resources,
  ...(condition && { Condition: condition }),
});

const codeDeployForLambda = [
  allow([
    "cloudwatch:DescribeAlarms",
    "lambda:UpdateAlias",
    "lambda:GetAlias",
    "lambda:GetProvisionedConcurrencyConfig",
  ]),
  allow(["s3:GetObject", "s3:GetObjectVersion"], "arn:aws:s3:::*/CodeDeploy/*"),
  allow(["lambda:InvokeFunction"], "arn:aws:lambda:*:*:function:CodeDeployHook_*"),
];

/**
 * Documents of the policies that AWS manages, by what follows `arn:aws:iam::aws:policy/`, as far as they concern services
 * that exist here (AWS managed policy reference, 2025). ReadOnlyAccess names its actions one service after the other; here
 * are its usual three verbs. Objects that are tagged for CodeDeploy are left out of the two for CodeDeploy.
 */
const STATEMENTS: Readonly<Record<string, readonly object[]>> = {
  AdministratorAccess: [allow(["*"])],
  ReadOnlyAccess: [
    allow(READABLE.flatMap((service) => ["Describe", "Get", "List"].map((verb) => `${service}:${verb}*`))),
  ],
  AWSCloudFormationReadOnlyAccess: [
    allow(
      ["Describe", "EstimateTemplateCost", "Get", "List", "ValidateTemplate", "Detect"].map((verb) =>
        verb.endsWith("Cost") || verb.endsWith("Template") ? `cloudformation:${verb}` : `cloudformation:${verb}*`,
      ),
    ),
  ],
  "service-role/AWSLambdaBasicExecutionRole": [
    allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]),
  ],
  "service-role/AWSCodeDeployRoleForLambda": [...codeDeployForLambda, allow(["sns:Publish"])],
  "service-role/AWSCodeDeployRoleForLambdaLimited": codeDeployForLambda,
};

const PREFIX = "arn:aws:iam::aws:policy/";

const documents = new Map(
  Object.entries(STATEMENTS).map(([name, Statement]) => [
    `${PREFIX}${name}`,
    JSON.stringify({ Version: "2012-10-17", Statement }),
  ]),
);

export const isAwsManaged = (arn: string): boolean => arn.startsWith(PREFIX);

/** The document of a policy that AWS manages; undefined for one that is not known here. */
export const awsManagedPolicy = (arn: string): string | undefined => documents.get(arn);
