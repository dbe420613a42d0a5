import { AwsError } from "../../kernel/errors.ts";
import type { Principal, World } from "../../kernel/service.ts";
import { queueUrl } from "../sqs/queue-url.ts";
import type { InvocationResult } from "./invoker.ts";
import type { LambdaMetrics } from "./metrics.ts";
import type { FunctionRecord, FunctionStore } from "./store.ts";

export type Condition = "Success" | "RetriesExhausted" | "EventAgeExceeded" | "ZeroReservedConcurrency";

/** An asynchronous invocation that has come to its end. */
export interface FinishedEvent {
  fn: FunctionRecord;
  qualifier: string | undefined;
  requestId: string;
  payload: string;
  condition: Condition;
  invokeCount: number;
  /** Absent when the function never ran. */
  last: InvocationResult | undefined;
}

/** Sends results of asynchronous invocations on, as the function's role. */
export class Destinations {
  private readonly world: World;
  private readonly store: FunctionStore;
  private readonly metrics: LambdaMetrics;

  constructor(world: World, store: FunctionStore, metrics: LambdaMetrics) {
    this.world = world;
    this.store = store;
    this.metrics = metrics;
  }

  async deliver(event: FinishedEvent): Promise<void> {
    const { fn, qualifier, condition } = event;
    const config = fn.eventInvokeConfigs.get(qualifier ?? "$LATEST")?.destinationConfig;
    const side = condition === "Success" ? config?.OnSuccess : config?.OnFailure;
    if (side?.Destination) {
      const destination = side.Destination;
      await this.attempt(event, "DestinationDeliveryFailures", () => this.send(destination, event));
    }
    const deadLetterArn = fn.latest.settings.DeadLetterConfig?.TargetArn;
    if (condition !== "Success" && deadLetterArn) {
      await this.attempt(event, "DeadLetterErrors", () => this.deadLetter(deadLetterArn, event));
    }
  }

  private async attempt(
    { fn, qualifier }: FinishedEvent,
    metric: "DeadLetterErrors" | "DestinationDeliveryFailures",
    work: () => Promise<unknown>,
  ): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      this.metrics.deliveryFailure(metric, fn.name, qualifier);
      this.world.announce("delivery-failure", {
        functionName: fn.name,
        metric,
        code: error.code,
        message: error.message,
      });
    }
  }

  private async send(destination: string, event: FinishedEvent): Promise<unknown> {
    const record = this.record(event);
    const text = JSON.stringify(record);
    const as = this.role(event.fn);
    const [, , service, , , name = ""] = destination.split(":");
    switch (service) {
      case "sqs":
        return this.sendMessage(name, text, {}, as);
      case "sns":
        return this.world.call("sns", "Publish", { TopicArn: destination, Message: text }, as);
      case "lambda":
        return this.world.call(
          "lambda",
          "Invoke",
          { FunctionName: destination, InvocationType: "Event", Payload: Buffer.from(text) },
          as,
        );
      case "events": {
        const outcome = event.condition === "Success" ? "Success" : "Failure";
        const entry = {
          Source: "lambda",
          DetailType: `Lambda Function Invocation Result - ${outcome}`,
          Resources: [destination, record.requestContext.functionArn],
          Detail: text,
          EventBusName: destination,
          Time: new Date(this.world.clock.now()),
        };
        return this.world.call("eventbridge", "PutEvents", { Entries: [entry] }, as);
      }
      default:
        throw new AwsError("NotImplementedException", `no deliveries to ${destination}`, { status: 501 });
    }
  }

  /** The queue gets the event itself; what went wrong is in the attributes (Lambda guide, dead-letter queues, 2022). */
  private async deadLetter(targetArn: string, { fn, requestId, payload, last }: FinishedEvent): Promise<unknown> {
    const attribute = (DataType: "String" | "Number", StringValue: string) => ({ DataType, StringValue });
    const attributes = {
      RequestID: attribute("String", requestId),
      ErrorCode: attribute("Number", last ? "200" : "429"),
      ErrorMessage: attribute("String", (last?.error?.errorMessage ?? "Rate Exceeded.").slice(0, 1024)),
    };
    const [, , service, , , name = ""] = targetArn.split(":");
    if (service === "sqs") return this.sendMessage(name, payload, attributes, this.role(fn));
    return this.world.call(
      "sns",
      "Publish",
      { TopicArn: targetArn, Message: payload, MessageAttributes: attributes },
      this.role(fn),
    );
  }

  private sendMessage(queue: string, body: string, attributes: object, as: Principal): Promise<unknown> {
    const QueueUrl = queueUrl(this.world, queue);
    return this.world.call("sqs", "SendMessage", { QueueUrl, MessageBody: body, MessageAttributes: attributes }, as);
  }

  private role(fn: FunctionRecord): Principal {
    return this.world.rolePrincipal(fn.latest.settings.Role ?? "", fn.name, { service: "lambda.amazonaws.com" });
  }

  /** The invocation record, version 1.0, as recorded from the service (2022 to 2024). */
  private record(event: FinishedEvent) {
    const { fn, qualifier, last, condition } = event;
    return {
      version: "1.0",
      timestamp: new Date(this.world.clock.now()).toISOString(),
      requestContext: {
        requestId: event.requestId,
        functionArn: this.store.arn(fn.name, qualifier ?? "$LATEST"),
        condition,
        approximateInvokeCount: event.invokeCount,
      },
      requestPayload: JSON.parse(event.payload),
      ...(last && {
        responseContext: {
          statusCode: 200,
          executedVersion: last.executedVersion,
          ...(last.error && { functionError: "Unhandled" }),
        },
        responsePayload: JSON.parse(last.payload),
      }),
    };
  }
}
