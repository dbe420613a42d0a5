import type {
  ProviderContext,
  ResourceTypes,
} from "../../../lib/local/services/cloudformation/providers/resource-type.ts";
import type { JsonObject } from "../../../lib/local/services/cloudformation/template/json.ts";

/** Things that a fake provider keeps: what is live, and the order of what was done. */
export class FakeBackend {
  readonly live = new Map<string, JsonObject>();
  readonly log: string[] = [];
  /** Logical ids whose next call fails, by verb. */
  readonly failing = new Map<string, "create" | "update" | "delete">();
  private serial = 0;

  /** `Fake::Thing` updates `Value` in place; `Name` and `Kind` are create-only; `DelaySeconds` waits virtual time. */
  types(): ResourceTypes {
    const wait = async (properties: JsonObject, context: ProviderContext) => {
      const seconds = Number(properties.DelaySeconds ?? 0);
      if (seconds > 0)
        await context.waiting(context.world.clock.sleep(seconds * 1000, context.signal).catch(() => undefined));
    };
    const failWhenTold = (verb: "create" | "update" | "delete", { logicalId }: ProviderContext) => {
      if (this.failing.get(logicalId) === verb) throw new Error(`${logicalId} was told to fail on ${verb}`);
    };
    const outcome = (physicalId: string, properties: JsonObject) => ({
      physicalId,
      attributes: { Arn: `arn:${physicalId}`, Value: properties.Value ?? "" },
    });
    return {
      "Fake::Thing": {
        updatable: ["Value", "DelaySeconds", "List", "Input"],
        createOnly: ["Name", "Kind"],
        nameProperty: "Name",
        create: async (properties, context) => {
          this.log.push(`create ${context.logicalId}`);
          await wait(properties, context);
          failWhenTold("create", context);
          this.serial += 1;
          const physicalId = typeof properties.Name === "string" ? properties.Name : `thing-${this.serial}`;
          this.live.set(physicalId, properties);
          return outcome(physicalId, properties);
        },
        update: async ({ physicalId }, properties, context) => {
          this.log.push(`update ${context.logicalId}`);
          await wait(properties, context);
          failWhenTold("update", context);
          this.live.set(physicalId, properties);
          return outcome(physicalId, properties);
        },
        delete: async ({ physicalId }, context) => {
          this.log.push(`delete ${context.logicalId}`);
          failWhenTold("delete", context);
          this.live.delete(physicalId);
        },
      },
    };
  }
}
