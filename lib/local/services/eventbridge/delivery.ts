import type { Target } from "@aws-sdk/client-eventbridge";
import { AwsError, notImplemented } from "../../kernel/errors.ts";
import type { SeededRandom } from "../../kernel/random.ts";
import type { World } from "../../kernel/service.ts";
import { queueUrlOf } from "../sqs/queue-url.ts";
import type { BusEvent, Rule } from "./records.ts";
import { targetInput } from "./target-input.ts";

/** Defaults of RetryPolicy (API reference, 2026). */
const MAXIMUM_ATTEMPTS = 185;
const MAXIMUM_AGE_SECONDS = 86_400;
/** AWS backs off exponentially with jitter and publishes no figures; 1 s doubling to 10 min is [inferred]. */
const LONGEST_PAUSE_MS = 600_000;

export type TargetKind = "lambda" | "sns" | "sqs" | "bus";

/** What can be done with a target's ARN here; undefined for services that rules cannot reach. */
export function targetKind(arn: string): TargetKind | undefined {
  const [, , service, , , resource] = arn.split(":");
  if (service === "lambda" || service === "sns" || service === "sqs") return service;
  return service === "events" && resource?.startsWith("event-bus/") ? "bus" : undefined;
}

/** Sends events to targets, with each target's retry policy and dead-letter queue. */
export class TargetDelivery {
  private readonly world: World;
  private readonly random: SeededRandom;
  private readonly toBus: (arn: string, event: BusEvent) => void;

  constructor(world: World, random: SeededRandom, toBus: (arn: string, event: BusEvent) => void) {
    this.world = world;
    this.random = random;
    this.toBus = toBus;
  }

  async deliver(rule: Rule, target: Target, event: BusEvent): Promise<void> {
    const startedMs = this.world.clock.now();
    const input = targetInput(target, event, rule, startedMs);
    const attempts = target.RetryPolicy?.MaximumRetryAttempts ?? MAXIMUM_ATTEMPTS;
    const ageMs = (target.RetryPolicy?.MaximumEventAgeInSeconds ?? MAXIMUM_AGE_SECONDS) * 1000;
    for (let retries = 0; ; retries++) {
      try {
        await this.send(rule, target, event, input);
        this.count(rule, "Invocations");
        return;
      } catch (error) {
        if (!(error instanceof AwsError)) throw error;
        const passing = (error.status >= 500 && error.status !== 501) || error.status === 429;
        const pause = Math.min(LONGEST_PAUSE_MS, 1000 * 2 ** retries) * (0.5 + this.random.next() / 2);
        const tooOld = this.world.clock.now() + pause - startedMs > ageMs;
        if (passing && retries < attempts && !tooOld) {
          await this.world.clock.sleep(pause);
          continue;
        }
        this.count(rule, "FailedInvocations");
        const exhausted = !passing ? undefined : tooOld ? "MaximumEventAgeInSeconds" : "MaximumRetryAttempts";
        await this.giveUp(rule, target, input, { error, retries, exhausted });
        return;
      }
    }
  }

  private async send(rule: Rule, target: Target, event: BusEvent, input: string): Promise<void> {
    const arn = target.Arn ?? "";
    const principal = this.world.servicePrincipal("events.amazonaws.com", rule.arn);
    switch (targetKind(arn)) {
      case "lambda":
        await this.world.call(
          "lambda",
          "Invoke",
          { FunctionName: arn, InvocationType: "Event", Payload: new TextEncoder().encode(input) },
          principal,
        );
        return;
      case "sns":
        await this.world.call("sns", "Publish", { TopicArn: arn, Message: input }, principal);
        return;
      case "sqs":
        await this.world.call(
          "sqs",
          "SendMessage",
          {
            QueueUrl: queueUrlOf(this.world, arn),
            MessageBody: input,
            ...(target.SqsParameters?.MessageGroupId ? { MessageGroupId: target.SqsParameters.MessageGroupId } : {}),
          },
          principal,
        );
        return;
      case "bus":
        this.toBus(arn, event);
        return;
      default:
        throw notImplemented("eventbridge", "delivery", `target ${arn}`);
    }
  }

  private async giveUp(
    rule: Rule,
    target: Target,
    input: string,
    failure: { error: AwsError; retries: number; exhausted: string | undefined },
  ): Promise<void> {
    const { error, retries, exhausted } = failure;
    this.world.announce("event-undelivered", { rule: rule.name, target: target.Arn, error: error.message });
    const deadLetters = target.DeadLetterConfig?.Arn;
    if (!deadLetters) return;
    const text = (value: string) => ({ DataType: "String", StringValue: value });
    try {
      await this.world.call(
        "sqs",
        "SendMessage",
        {
          QueueUrl: queueUrlOf(this.world, deadLetters),
          MessageBody: input,
          MessageAttributes: {
            RULE_ARN: text(rule.arn),
            TARGET_ARN: text(target.Arn ?? ""),
            ERROR_CODE: text(error.code),
            ERROR_MESSAGE: text(error.message || error.code),
            ...(exhausted ? { EXHAUSTED_RETRY_CONDITION: text(exhausted), RETRY_ATTEMPTS: text(String(retries)) } : {}),
          },
        },
        this.world.servicePrincipal("events.amazonaws.com", rule.arn),
      );
      this.count(rule, "InvocationsSentToDlq");
    } catch (lost) {
      if (!(lost instanceof AwsError)) throw lost;
      this.count(rule, "InvocationsFailedToBeSentToDlq");
    }
  }

  count(rule: Rule, name: string): void {
    if (!this.world.service("cloudwatch")) return;
    this.world.links.recordMetric({
      namespace: "AWS/Events",
      name,
      dimensions: { RuleName: rule.name },
      timestampMs: this.world.clock.now(),
      values: [1],
      unit: "Count",
    });
  }
}
