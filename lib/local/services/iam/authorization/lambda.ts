import { AwsError } from "../../../kernel/errors.ts";
import { parseReference } from "../../lambda/reference.ts";
import { type Input, needs, type PassedRole, type Place, type Rule, rulesOf } from "./rules.ts";

const functionArn = (input: Input, place: Place, qualifier?: string) => {
  const { name, qualifier: derived } = parseReference(place.world, input.FunctionName, qualifier);
  const suffix = qualifier === undefined ? undefined : derived;
  return place.arn("lambda", `function:${name}${suffix === undefined ? "" : `:${suffix}`}`);
};

/** The function itself: rights on an alias are rights on its function (Service Authorization Reference, 2026). */
const onFunction = (input: Input, place: Place) => functionArn(input, place);

/** What is called, with its qualifier: policies of callers name aliases and versions (Lambda developer guide, 2025). */
const onQualified = (input: Input, place: Place) => {
  const { qualifier } = parseReference(place.world, input.FunctionName, input.Qualifier);
  return functionArn(input, place, qualifier);
};

const onTagged = (input: Input) => input.Resource as string;

const executionRole = (input: Input): PassedRole[] =>
  input.Role === undefined
    ? []
    : [
        {
          roleArn: input.Role,
          service: "lambda.amazonaws.com",
          // Text: public reports, 2017 to 2025.
          refusal: new AwsError(
            "InvalidParameterValueException",
            "The role defined for the function cannot be assumed by Lambda.",
          ),
        },
      ];

/** Code in a bucket is read with the caller's own rights (Lambda API reference, CreateFunction, 2025). */
const codeObject = (code: Input | undefined) =>
  code?.S3Bucket === undefined ? [] : needs("s3:GetObject", `arn:aws:s3:::${code.S3Bucket}/${code.S3Key}`);

const create: Rule = {
  needs: (input, place) => [...needs("lambda:CreateFunction", onFunction(input, place)), ...codeObject(input.Code)],
  passes: executionRole,
};

export const lambdaRules = rulesOf("lambda", {
  CreateFunction: create,
  UpdateFunctionConfiguration: {
    needs: (input, place) => needs("lambda:UpdateFunctionConfiguration", onFunction(input, place)),
    passes: executionRole,
  },
  UpdateFunctionCode: {
    needs: (input, place) => [...needs("lambda:UpdateFunctionCode", onFunction(input, place)), ...codeObject(input)],
  },
  Invoke: { action: "InvokeFunction", on: onQualified },
  GetFunction: onQualified,
  GetFunctionConfiguration: onQualified,
  DeleteFunction: onQualified,
  ListFunctions: () => "*",
  PublishVersion: onFunction,
  ListVersionsByFunction: onFunction,
  TagResource: onTagged,
  UntagResource: onTagged,
  ListTags: onTagged,
  CreateAlias: onFunction,
  GetAlias: onFunction,
  UpdateAlias: onFunction,
  DeleteAlias: onFunction,
  ListAliases: onFunction,
  PutFunctionConcurrency: onFunction,
  GetFunctionConcurrency: onFunction,
  DeleteFunctionConcurrency: onFunction,
  PutFunctionEventInvokeConfig: onFunction,
  UpdateFunctionEventInvokeConfig: onFunction,
  GetFunctionEventInvokeConfig: onFunction,
  DeleteFunctionEventInvokeConfig: onFunction,
  ListFunctionEventInvokeConfigs: onFunction,
  AddPermission: onQualified,
  RemovePermission: onQualified,
  GetPolicy: onQualified,
  PutProvisionedConcurrencyConfig: onQualified,
  GetProvisionedConcurrencyConfig: onQualified,
  DeleteProvisionedConcurrencyConfig: onQualified,
  ListProvisionedConcurrencyConfigs: onFunction,
});
