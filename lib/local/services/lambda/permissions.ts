import type {
  AddPermissionCommandInput,
  GetPolicyCommandInput,
  RemovePermissionCommandInput,
} from "@aws-sdk/client-lambda";
import type { OperationHandler, World } from "../../kernel/service.ts";
import { check } from "./constraints.ts";
import { conflict, invalidParameter, notFound, staleRevision } from "./errors.ts";
import { isAlias, parseReference } from "./reference.ts";
import type { FunctionStore, PolicyStatement } from "./store.ts";

/** Resource policies of functions, versions and aliases. */
export function permissionOperations(world: World, store: FunctionStore): Record<string, OperationHandler> {
  const target = (input: { FunctionName?: string; Qualifier?: string }) => {
    const reference = parseReference(world, input.FunctionName, input.Qualifier);
    const { qualifier } = reference;
    // Names of aliases that could exist are looked for among the aliases (recorded, test_permission_exceptions, 2023).
    if (isAlias(qualifier) && /^[a-zA-Z0-9-_]+$/.test(qualifier)) {
      store.alias(store.function({ ...reference, qualifier: undefined }), qualifier);
    }
    const { fn, version, alias } = store.resolve(reference);
    return {
      fn,
      key: reference.qualifier ?? "",
      arn: store.arn(fn.name, reference.qualifier),
      revised: alias ?? version,
    };
  };
  const checkRevision = (given: string | undefined, current: string) => {
    if (given !== undefined && given !== current) throw staleRevision("GetPolicy");
  };

  return {
    AddPermission(input: AddPermissionCommandInput) {
      check({ statementId: input.StatementId });
      const { qualifier } = parseReference(world, input.FunctionName, input.Qualifier);
      if (qualifier === "$LATEST") throw invalidParameter("We currently do not support adding policies for $LATEST.");
      const principal = principalOf(input.Principal ?? "");
      const { fn, key, arn, revised } = target(input);
      checkRevision(input.RevisionId, revised.revisionId);
      const statements = fn.policies.get(key) ?? [];
      const sid = input.StatementId ?? "";
      if (statements.some(({ Sid }) => Sid === sid)) {
        throw conflict(
          `The statement id (${sid}) provided already exists. Please provide a new statement id, or remove the existing statement.`,
        );
      }
      const statement = statementOf(input, sid, arn, principal);
      fn.policies.set(key, [...statements, statement]);
      revised.revisionId = store.uuid();
      return { Statement: JSON.stringify(statement) };
    },

    RemovePermission(input: RemovePermissionCommandInput) {
      const { name } = parseReference(world, input.FunctionName, input.Qualifier);
      if (!store.find(name)) throw notFound(`No policy found for: ${store.arn(name)}`);
      const { fn, key, revised } = target(input);
      const statements = fn.policies.get(key);
      if (!statements) throw notFound("No policy is associated with the given resource.");
      const rest = statements.filter(({ Sid }) => Sid !== input.StatementId);
      if (rest.length === statements.length) {
        throw notFound(`Statement ${input.StatementId} is not found in resource policy.`);
      }
      checkRevision(input.RevisionId, revised.revisionId);
      if (rest.length > 0) fn.policies.set(key, rest);
      else fn.policies.delete(key);
      revised.revisionId = store.uuid();
      return {};
    },

    GetPolicy(input: GetPolicyCommandInput) {
      const { name, qualifier } = parseReference(world, input.FunctionName, input.Qualifier);
      const statements = store.function({ name, qualifier: undefined }).policies.get(qualifier ?? "");
      if (!statements) throw notFound("The resource you requested does not exist.");
      const { revised } = target(input);
      return {
        Policy: JSON.stringify({ Version: "2012-10-17", Id: "default", Statement: statements }),
        RevisionId: revised.revisionId,
      };
    },
  };
}

function statementOf(input: AddPermissionCommandInput, sid: string, arn: string, principal: unknown): PolicyStatement {
  const equals = {
    ...(input.SourceAccount && { "AWS:SourceAccount": input.SourceAccount }),
    ...(input.PrincipalOrgID && { "aws:PrincipalOrgID": input.PrincipalOrgID }),
    ...(input.EventSourceToken && { "lambda:EventSourceToken": input.EventSourceToken }),
    ...(input.FunctionUrlAuthType && { "lambda:FunctionUrlAuthType": input.FunctionUrlAuthType }),
  };
  const condition = {
    ...(Object.keys(equals).length > 0 && { StringEquals: equals }),
    ...(input.SourceArn && { ArnLike: { "AWS:SourceArn": input.SourceArn } }),
  };
  return {
    Sid: sid,
    Effect: "Allow",
    Principal: principal,
    Action: input.Action,
    Resource: arn,
    ...(Object.keys(condition).length > 0 && { Condition: condition }),
  };
}

function principalOf(principal: string): unknown {
  if (principal === "*") return "*";
  if (/^\d{12}$/.test(principal)) return { AWS: `arn:aws:iam::${principal}:root` };
  if (/^arn:aws[a-z-]*:(iam|sts):/.test(principal)) return { AWS: principal };
  if (principal.endsWith(".amazonaws.com")) return { Service: principal };
  throw invalidParameter("The provided principal was invalid. Please check the principal and try again.");
}
