import type { CreateAccessKeyCommandInput, CreateUserCommandInput, User } from "@aws-sdk/client-iam";
import type { OperationHandler, World } from "../../kernel/service.ts";
import { type Policies, policyChanges } from "./attachments.ts";
import { alreadyExists, deleteConflict, noSuchEntity } from "./policies.ts";

interface UserRecord extends Policies {
  user: User;
}

/** Users, their access keys and their policies. */
export class Users {
  readonly records = new Map<string, UserRecord>();
  private readonly world: World;
  private readonly newId: () => string;

  constructor(world: World, newId: () => string) {
    this.world = world;
    this.newId = newId;
  }

  byArn(arn: string): UserRecord | undefined {
    const record = this.records.get(arn.split("/").at(-1) ?? "");
    return record?.user.Arn === arn ? record : undefined;
  }

  private need(name = ""): UserRecord {
    const record = this.records.get(name);
    if (!record) throw noSuchEntity(`The user with name ${name} cannot be found.`);
    return record;
  }

  operations(policyExists: (arn: string) => boolean): Record<string, OperationHandler> {
    const { world } = this;
    const policies = policyChanges("user", policyExists);
    const of = ({ UserName }: { UserName?: string }) => this.need(UserName);
    return {
      CreateUser: ({ UserName = "", Path = "/" }: CreateUserCommandInput) => {
        if (this.records.has(UserName)) throw alreadyExists(`User with name ${UserName} already exists.`);
        const user: User = {
          Path,
          UserName,
          UserId: this.newId(),
          Arn: `arn:aws:iam::${world.accountId}:user${Path}${UserName}`,
          CreateDate: new Date(world.clock.now()),
        };
        this.records.set(UserName, { user, inline: new Map(), attached: new Set() });
        return { User: user };
      },
      GetUser: (input: { UserName?: string }) => ({ User: of(input).user }),
      DeleteUser: (input: { UserName?: string }) => {
        const { user, inline, attached } = of(input);
        if (attached.size > 0) throw deleteConflict("Cannot delete entity, must detach all policies first.");
        if (inline.size > 0) throw deleteConflict("Cannot delete entity, must delete policies first.");
        this.records.delete(user.UserName ?? "");
      },
      ListUsers: () => ({ Users: [...this.records.values()].map(({ user }) => user), IsTruncated: false }),
      CreateAccessKey: ({ UserName }: CreateAccessKeyCommandInput) => {
        const { user } = this.need(UserName);
        const issued = world.credentials.issue({ arn: user.Arn ?? "", accountId: world.accountId, kind: "user" });
        return {
          AccessKey: {
            UserName,
            AccessKeyId: issued.accessKeyId,
            SecretAccessKey: issued.secretAccessKey,
            Status: "Active",
            CreateDate: new Date(world.clock.now()),
          },
        };
      },
      PutUserPolicy: (input) => policies.put(of(input), input),
      GetUserPolicy: (input) => ({ UserName: input.UserName, ...policies.get(of(input), input) }),
      DeleteUserPolicy: (input) => policies.delete(of(input), input),
      ListUserPolicies: (input) => policies.list(of(input)),
      AttachUserPolicy: (input) => policies.attach(of(input), input),
      DetachUserPolicy: (input) => policies.detach(of(input), input),
      ListAttachedUserPolicies: (input) => policies.attachments(of(input)),
    };
  }
}
