import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import {
  CodeDeployClient,
  paginateListApplications,
  paginateListDeploymentGroups,
  paginateListDeployments,
} from "@aws-sdk/client-codedeploy";
import {
  GetFunctionCommand,
  GetProvisionedConcurrencyConfigCommand,
  LambdaClient,
  paginateListAliases,
  paginateListFunctions,
} from "@aws-sdk/client-lambda";
import { DescribeSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { GetTopicAttributesCommand, SNSClient } from "@aws-sdk/client-sns";
import { paginateGetParametersByPath, SSMClient } from "@aws-sdk/client-ssm";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { policyParameterName } from "../contract/names.ts";
import type { DiscoveryPort } from "../core/operator-ports.ts";
import { calling, errorName, isNotFound, toGoaroundError } from "./errors.ts";
import { alarmStatesByPrefix } from "./monitoring.ts";
import { type AdapterOptions, connect, lazy } from "./options.ts";

/** What the operator's commands look up. No Lambda of the guard imports this file. */
export function createDiscovery(options: AdapterOptions = {}): DiscoveryPort {
  const lambda = lazy(() => connect(LambdaClient, options));
  const codeDeploy = lazy(() => connect(CodeDeployClient, options));
  const cloudWatch = lazy(() => connect(CloudWatchClient, options));
  const ssm = lazy(() => connect(SSMClient, options));
  const sns = lazy(() => connect(SNSClient, options));
  const secrets = lazy(() => connect(SecretsManagerClient, options));
  const sts = lazy(() => connect(STSClient, options));
  const http = { abortSignal: options.signal };

  return {
    async describeFunction(functionName) {
      try {
        const found = await lambda().send(new GetFunctionCommand({ FunctionName: functionName }), http);
        const aliases: string[] = [];
        for await (const page of paginateListAliases({ client: lambda() }, { FunctionName: functionName }, http)) {
          for (const alias of page.Aliases ?? []) if (alias.Name !== undefined) aliases.push(alias.Name);
        }
        const { Tags: tags = {} } = found;
        return { functionName, stackName: tags["aws:cloudformation:stack-name"], aliases, tags };
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw toGoaroundError(error, { operation: "lambda GetFunction", subject: `function ${functionName}` });
      }
    },

    async functionNames() {
      const list = async () => {
        const names: string[] = [];
        for await (const page of paginateListFunctions({ client: lambda() }, {}, http)) {
          for (const found of page.Functions ?? [])
            if (found.FunctionName !== undefined) names.push(found.FunctionName);
        }
        return names;
      };
      return calling({ operation: "lambda ListFunctions", subject: "the account" }, list());
    },

    async applicationsWithGroup(group) {
      const context = { operation: "codedeploy ListDeploymentGroups", subject: `groups named ${group}` };
      const found: string[] = [];
      try {
        for await (const page of paginateListApplications({ client: codeDeploy() }, {}, http)) {
          for (const applicationName of page.applications ?? []) {
            const groups = paginateListDeploymentGroups({ client: codeDeploy() }, { applicationName }, http);
            for await (const { deploymentGroups } of groups) {
              if (deploymentGroups?.includes(group)) found.push(applicationName);
            }
          }
        }
      } catch (error) {
        throw toGoaroundError(error, context);
      }
      return found;
    },

    async openDeployments() {
      const ids: string[] = [];
      const statuses = ["Created", "Queued", "InProgress", "Baking", "Ready"] as const;
      try {
        const input = { includeOnlyStatuses: [...statuses] };
        for await (const page of paginateListDeployments({ client: codeDeploy() }, input, http)) {
          ids.push(...(page.deployments ?? []));
        }
        return ids;
      } catch (error) {
        throw toGoaroundError(error, { operation: "codedeploy ListDeployments", subject: "open deployments" });
      }
    },

    async subscribers(topic) {
      const { Account, Arn = "" } = await calling(
        { operation: "sts GetCallerIdentity", subject: "these credentials" },
        sts().send(new GetCallerIdentityCommand({}), http),
      );
      const partition = Arn.split(":")[1] || "aws";
      const TopicArn = `arn:${partition}:sns:${await sts().config.region()}:${Account}:${topic}`;
      const { Attributes } = await calling(
        { operation: "sns GetTopicAttributes", subject: `topic ${topic}` },
        sns().send(new GetTopicAttributesCommand({ TopicArn }), http),
      );
      return Number(Attributes?.SubscriptionsConfirmed ?? 0);
    },

    async secretExists(SecretId) {
      try {
        const { DeletedDate } = await secrets().send(new DescribeSecretCommand({ SecretId }), http);
        return DeletedDate === undefined;
      } catch (error) {
        if (isNotFound(error)) return false;
        throw toGoaroundError(error, { operation: "secretsmanager DescribeSecret", subject: `secret ${SecretId}` });
      }
    },

    alarmsByPrefix: (prefix) => alarmStatesByPrefix(cloudWatch(), prefix, options.signal),

    async identity() {
      const found = await calling(
        { operation: "sts GetCallerIdentity", subject: "these credentials" },
        sts().send(new GetCallerIdentityCommand({}), http),
      );
      const region = await sts().config.region();
      return { accountId: found.Account ?? "", arn: found.Arn ?? "", region };
    },

    async guardedAliases(environment) {
      const Path = policyParameterName(environment, "", "").replace(/\/+$/, "");
      const list = async () => {
        const found: { functionName: string; alias: string }[] = [];
        for await (const page of paginateGetParametersByPath({ client: ssm() }, { Path, Recursive: true }, http)) {
          for (const { Name = "" } of page.Parameters ?? []) {
            const [functionName, alias, ...rest] = Name.slice(Path.length + 1).split("/");
            if (functionName && alias && rest.length === 0) found.push({ functionName, alias });
          }
        }
        return found;
      };
      return calling({ operation: "ssm GetParametersByPath", subject: Path }, list());
    },

    async hasProvisionedConcurrency(FunctionName, Qualifier) {
      try {
        await lambda().send(new GetProvisionedConcurrencyConfigCommand({ FunctionName, Qualifier }), http);
        return true;
      } catch (error) {
        if (isNotFound(error) || errorName(error) === "ProvisionedConcurrencyConfigNotFoundException") return false;
        throw toGoaroundError(error, {
          operation: "lambda GetProvisionedConcurrencyConfig",
          subject: `alias ${Qualifier} of ${FunctionName}`,
        });
      }
    },
  };
}
