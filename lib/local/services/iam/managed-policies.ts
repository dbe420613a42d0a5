import type {
  CreatePolicyCommandInput,
  CreatePolicyVersionCommandInput,
  GetPolicyVersionCommandInput,
  ListPoliciesCommandInput,
  Policy,
} from "@aws-sdk/client-iam";
import { AwsError } from "../../kernel/errors.ts";
import type { OperationHandler, World } from "../../kernel/service.ts";
import { awsManagedPolicy, isAwsManaged } from "./evaluation/aws-managed-policies.ts";
import { NotEvaluable } from "./evaluation/policy.ts";
import { alreadyExists, checkIdentityPolicy, deleteConflict, encodePolicy, noSuchEntity } from "./policies.ts";

interface PolicyRecord {
  name: string;
  path: string;
  arn: string;
  policyId: string;
  description?: string;
  createDate: Date;
  updateDate: Date;
  versions: Map<string, { document: string; createDate: Date }>;
  defaultVersion: string;
  lastVersion: number;
}

/** "A managed policy can have up to 5 versions" (recorded, 2026). */
const MAX_POLICY_VERSIONS = 5;

/** Managed policies of the account, and what is known of those of AWS. */
export class ManagedPolicies {
  readonly records = new Map<string, PolicyRecord>();
  private readonly world: World;
  private readonly newId: () => string;
  private readonly attachments: (arn: string) => number;

  constructor(world: World, newId: () => string, attachments: (arn: string) => number) {
    this.world = world;
    this.newId = newId;
    this.attachments = attachments;
  }

  /** AWS's own managed policies exist without anyone creating them. */
  exists(arn: string): boolean {
    return this.records.has(arn) || isAwsManaged(arn);
  }

  /** The document in force. Throws NotEvaluable for a policy of AWS that is not known here. */
  document(arn: string): string {
    const record = this.records.get(arn);
    const document = record?.versions.get(record.defaultVersion)?.document ?? awsManagedPolicy(arn);
    if (document === undefined) throw new NotEvaluable(`${arn}, whose document is not known here,`);
    return document;
  }

  private need(arn = ""): PolicyRecord {
    const policy = this.records.get(arn);
    if (!policy) throw noSuchEntity(`Policy ${arn} was not found.`);
    return policy;
  }

  private describe(policy: PolicyRecord): Policy {
    return {
      PolicyName: policy.name,
      PolicyId: policy.policyId,
      Arn: policy.arn,
      Path: policy.path,
      DefaultVersionId: policy.defaultVersion,
      AttachmentCount: this.attachments(policy.arn),
      PermissionsBoundaryUsageCount: 0,
      IsAttachable: true,
      Description: policy.description,
      CreateDate: policy.createDate,
      UpdateDate: policy.updateDate,
    };
  }

  operations(): Record<string, OperationHandler> {
    const now = () => new Date(this.world.clock.now());
    const versionMissing = (arn: string, version: string) =>
      noSuchEntity(`Policy ${arn} version ${version} does not exist or is not attachable.`);
    return {
      CreatePolicy: (input: CreatePolicyCommandInput) => {
        const { PolicyName: name = "", PolicyDocument: document = "", Path: path = "/" } = input;
        const arn = `arn:aws:iam::${this.world.accountId}:policy${path}${name}`;
        if (this.records.has(arn)) {
          throw alreadyExists(`A policy called ${name} already exists. Duplicate names are not allowed.`);
        }
        checkIdentityPolicy(document);
        const createDate = now();
        const policy: PolicyRecord = {
          name,
          path,
          arn,
          policyId: this.newId(),
          description: input.Description,
          createDate,
          updateDate: createDate,
          versions: new Map([["v1", { document, createDate }]]),
          defaultVersion: "v1",
          lastVersion: 1,
        };
        this.records.set(arn, policy);
        return { Policy: this.describe(policy) };
      },
      GetPolicy: ({ PolicyArn }: { PolicyArn?: string }) => ({
        Policy: { ...this.describe(this.need(PolicyArn)), Tags: [] },
      }),
      ListPolicies: ({ PathPrefix = "/" }: ListPoliciesCommandInput) => ({
        Policies: [...this.records.values()]
          .filter(({ path }) => path.startsWith(PathPrefix))
          .map((policy) => this.describe(policy)),
        IsTruncated: false,
      }),
      DeletePolicy: ({ PolicyArn }: { PolicyArn?: string }) => {
        const policy = this.need(PolicyArn);
        if (this.attachments(policy.arn) > 0) throw deleteConflict("Cannot delete a policy attached to entities.");
        if (policy.versions.size > 1) {
          throw deleteConflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
          );
        }
        this.records.delete(policy.arn);
      },
      CreatePolicyVersion: (input: CreatePolicyVersionCommandInput) => {
        const policy = this.need(input.PolicyArn);
        checkIdentityPolicy(input.PolicyDocument ?? "");
        if (policy.versions.size >= MAX_POLICY_VERSIONS) {
          throw new AwsError(
            "LimitExceeded",
            `A managed policy can have up to ${MAX_POLICY_VERSIONS} versions. Before you create a new version, you must delete an existing version.`,
            { status: 409 },
          );
        }
        policy.lastVersion += 1;
        const VersionId = `v${policy.lastVersion}`;
        const createDate = now();
        policy.versions.set(VersionId, { document: input.PolicyDocument ?? "", createDate });
        policy.updateDate = createDate;
        if (input.SetAsDefault) policy.defaultVersion = VersionId;
        const IsDefaultVersion = policy.defaultVersion === VersionId;
        return { PolicyVersion: { VersionId, IsDefaultVersion, CreateDate: createDate } };
      },
      GetPolicyVersion: ({ PolicyArn = "", VersionId = "" }: GetPolicyVersionCommandInput) => {
        const policy = this.records.get(PolicyArn);
        const version = policy?.versions.get(VersionId);
        if (!policy || !version) throw versionMissing(PolicyArn, VersionId);
        return {
          PolicyVersion: {
            Document: encodePolicy(version.document),
            VersionId,
            IsDefaultVersion: policy.defaultVersion === VersionId,
            CreateDate: version.createDate,
          },
        };
      },
      ListPolicyVersions: ({ PolicyArn }: { PolicyArn?: string }) => {
        const policy = this.need(PolicyArn);
        const Versions = [...policy.versions]
          .map(([VersionId, { createDate }]) => ({
            VersionId,
            IsDefaultVersion: policy.defaultVersion === VersionId,
            CreateDate: createDate,
          }))
          .reverse();
        return { Versions, IsTruncated: false };
      },
      DeletePolicyVersion: ({ PolicyArn = "", VersionId = "" }: GetPolicyVersionCommandInput) => {
        const policy = this.need(PolicyArn);
        if (policy.defaultVersion === VersionId) throw deleteConflict("Cannot delete the default version of a policy.");
        if (!policy.versions.delete(VersionId)) throw versionMissing(PolicyArn, VersionId);
      },
    };
  }
}
