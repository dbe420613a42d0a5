import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import type { Notification, NotifierPort } from "../core/ports.ts";
import { calling } from "./errors.ts";
import { type AdapterOptions, connect, lazy } from "./options.ts";

/** A subject is shorter than 100 ASCII characters without line breaks (SNS API reference, Publish, 2026). */
const MAX_SUBJECT = 99;

export function createNotifier(topicArn: string, options: AdapterOptions = {}): NotifierPort {
  const client = lazy(() => connect(SNSClient, options));
  return {
    async notify(notification) {
      await calling(
        { operation: "sns Publish", subject: topicArn, missing: "aws-fault" },
        client().send(
          new PublishCommand({
            TopicArn: topicArn,
            Subject: toSubject(notification),
            Message: toMessage(notification),
            MessageAttributes: { severity: { DataType: "String", StringValue: notification.severity } },
          }),
          { abortSignal: options.signal },
        ),
      );
    },
  };
}

/** Urgent ones are marked, so that a mail rule can tell. */
export function toSubject({ severity, subject }: Notification): string {
  const marked = severity === "info" ? subject : `[${severity.toUpperCase()}] ${subject}`;
  const ascii = marked.replace(/[^\x20-\x7e]+/g, " ").trim();
  return ascii.length <= MAX_SUBJECT ? ascii : `${ascii.slice(0, MAX_SUBJECT - 3)}...`;
}

/** Sentences for a person first, then the same facts as one JSON document for a program. */
export const toMessage = ({ lines, data, severity }: Notification) =>
  `${lines.join("\n")}\n\n${JSON.stringify({ severity, ...data }, null, 2)}\n`;
