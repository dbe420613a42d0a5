import {
  ChangeMessageVisibilityBatchCommand,
  GetQueueUrlCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import type { DeadLetter, DeadLettersPort } from "../core/ports.ts";
import { calling } from "./errors.ts";
import { type AdapterOptions, connect, lazy } from "./options.ts";

/** What was read is hidden for so long when it cannot be shown again. */
const HIDDEN_SECONDS = 30;
/** Long polling asks all of SQS's servers, not some (SQS developer guide, "short and long polling", 2025). */
const WAIT_SECONDS = 1;

export function createDeadLetters(options: AdapterOptions = {}): DeadLettersPort {
  const client = lazy(() => connect(SQSClient, options));
  return {
    async peek(queue, most, signal = options.signal) {
      const http = { abortSignal: signal };
      const subject = `queue ${queue}`;
      const { QueueUrl } = await calling(
        { operation: "sqs GetQueueUrl", subject },
        client().send(new GetQueueUrlCommand({ QueueName: queue }), http),
      );
      const { Messages = [] } = await calling(
        { operation: "sqs ReceiveMessage", subject },
        client().send(
          new ReceiveMessageCommand({
            QueueUrl,
            MaxNumberOfMessages: most,
            VisibilityTimeout: HIDDEN_SECONDS,
            WaitTimeSeconds: WAIT_SECONDS,
            MessageSystemAttributeNames: ["All"],
            MessageAttributeNames: ["All"],
          }),
          http,
        ),
      );
      if (Messages.length > 0) {
        const Entries = Messages.map(({ ReceiptHandle }, i) => ({
          Id: String(i),
          ReceiptHandle,
          VisibilityTimeout: 0,
        }));
        // Else they show again by themselves.
        await client()
          .send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }), http)
          .catch(() => undefined);
      }
      return Messages.map(toDeadLetter);
    },
  };
}

const toDeadLetter = ({ MessageId, Body, MD5OfBody, Attributes, MessageAttributes }: Message): DeadLetter => ({
  messageId: MessageId ?? "",
  body: Body ?? "",
  md5OfBody: MD5OfBody ?? "",
  attributes: { ...Attributes },
  messageAttributes: Object.fromEntries(
    Object.entries(MessageAttributes ?? {}).map(([name, { DataType, StringValue, BinaryValue }]) => [
      name,
      {
        dataType: DataType ?? "String",
        ...(StringValue === undefined ? {} : { stringValue: StringValue }),
        ...(BinaryValue === undefined ? {} : { binaryValue: BinaryValue }),
      },
    ]),
  ),
});
