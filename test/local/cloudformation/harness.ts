import type {
  DescribeChangeSetCommandOutput,
  DescribeStackEventsCommandOutput,
  DescribeStacksCommandOutput,
  Stack,
} from "@aws-sdk/client-cloudformation";
import { VirtualClock } from "../../../lib/local/kernel/clock.ts";
import { LocalWorld } from "../../../lib/local/kernel/world.ts";
import { type CloudFormationService, createCloudFormation } from "../../../lib/local/services/cloudformation/index.ts";
import { FakeBackend } from "./fake-types.ts";

/** A world with nothing but CloudFormation over fake resource types. */
export class EngineHarness {
  readonly clock = new VirtualClock(Date.UTC(2026, 0, 1));
  readonly world = new LocalWorld({ clock: this.clock });
  readonly backend = new FakeBackend();
  readonly service: CloudFormationService;
  readonly objects = new Map<string, string>();

  constructor() {
    this.service = createCloudFormation(this.world, { types: this.backend.types() });
    this.world.register(this.service);
    this.world.install("readObject", (bucket, key) => {
      const text = this.objects.get(`${bucket}/${key}`);
      return text === undefined ? undefined : new TextEncoder().encode(text);
    });
  }

  call<Output>(operation: string, input: Record<string, unknown>): Promise<Output> {
    return this.world.call<Output>("cloudformation", operation, input, this.world.credentials.principalFor(undefined));
  }

  async deploy(resources: Record<string, unknown>, rest: Record<string, unknown> = {}): Promise<Stack> {
    const exists = await this.stack().catch(() => undefined);
    const { Outputs, Parameters, Conditions, ...options } = rest;
    const template = { Resources: resources, Outputs, Parameters, Conditions };
    await this.call(exists ? "UpdateStack" : "CreateStack", {
      StackName: "demo",
      TemplateBody: JSON.stringify(template),
      ...options,
    });
    return this.stack();
  }

  async stack(name = "demo"): Promise<Stack> {
    const { Stacks } = await this.call<DescribeStacksCommandOutput>("DescribeStacks", { StackName: name });
    return Stacks![0]!;
  }

  /** `LogicalId STATUS`, oldest first. */
  async events(name = "demo"): Promise<string[]> {
    const { StackEvents } = await this.call<DescribeStackEventsCommandOutput>("DescribeStackEvents", {
      StackName: name,
    });
    return StackEvents!
      .reverse()
      .map(({ LogicalResourceId, ResourceStatus }) => `${LogicalResourceId} ${ResourceStatus}`);
  }

  async reasons(status: string, name = "demo"): Promise<(string | undefined)[]> {
    const { StackEvents } = await this.call<DescribeStackEventsCommandOutput>("DescribeStackEvents", {
      StackName: name,
    });
    return StackEvents!.filter((event) => event.ResourceStatus === status).map((event) => event.ResourceStatusReason);
  }

  async changeSet(resources: Record<string, unknown>, type = "UPDATE"): Promise<DescribeChangeSetCommandOutput> {
    const { Id } = await this.call<{ Id: string }>("CreateChangeSet", {
      StackName: "demo",
      ChangeSetName: "change",
      ChangeSetType: type,
      TemplateBody: JSON.stringify({ Resources: resources }),
    });
    return this.call("DescribeChangeSet", { ChangeSetName: Id, IncludePropertyValues: true });
  }
}

/** A `Fake::Thing` with these properties and resource attributes. */
export const thing = (properties: Record<string, unknown> = {}, attributes: Record<string, unknown> = {}) => ({
  Type: "Fake::Thing",
  Properties: properties,
  ...attributes,
});
