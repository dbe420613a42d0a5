import type { EventPattern } from "../eventbridge/pattern.ts";

export interface Topic {
  arn: string;
  name: string;
  fifo: boolean;
  attributes: Record<string, string>;
  tags: Map<string, string>;
  /** FIFO deduplication: when an id was published, and as what. */
  published: Map<string, { atMs: number; messageId: string; sequenceNumber: string }>;
  sequence: bigint;
}

export interface Subscription {
  arn: string;
  topicArn: string;
  protocol: string;
  endpoint: string;
  /** The ARN of who subscribed. */
  principal: string;
  pending: boolean;
  /** What ConfirmSubscription wants for a pending one. */
  token: string;
  attributes: Record<string, string>;
  filter: EventPattern | undefined;
}

/** What an e-mail subscription would have received. */
export interface DeliveredEmail {
  atMs: number;
  topicArn: string;
  to: string;
  subject: string;
  message: string;
  /** False while nobody has confirmed the address; AWS would send nothing yet. */
  confirmed: boolean;
}
