import type { MessageAttributeValue } from "@aws-sdk/client-sqs";

export interface StoredMessage {
  id: string;
  body: string;
  attributes: Record<string, MessageAttributeValue> | undefined;
  senderId: string;
  sentMs: number;
  /** Invisible before this time: delayed, or received and not deleted. */
  visibleAtMs: number;
  firstReceivedMs: number | undefined;
  receiveCount: number;
  receiptHandle: string | undefined;
  groupId: string | undefined;
  deduplicationId: string | undefined;
  sequenceNumber: string | undefined;
  deadLetterSourceArn: string | undefined;
}

export interface RedrivePolicy {
  deadLetterTargetArn: string;
  maxReceiveCount: number;
}

/** FIFO queues forget deduplication ids after 5 minutes (SQS developer guide, 2026). */
const DEDUPLICATION_MS = 5 * 60_000;

/** One queue's messages; times are virtual. */
export class Queue {
  readonly name: string;
  readonly arn: string;
  readonly fifo: boolean;
  readonly createdMs: number;
  modifiedMs: number;
  purgedMs = Number.NEGATIVE_INFINITY;
  attributes: Record<string, string>;
  readonly tags = new Map<string, string>();
  messages: StoredMessage[] = [];
  /** Set by every change, cleared when the minute's metrics are out. */
  changed = false;
  private sequence = 0n;
  private readonly seen = new Map<string, { atMs: number; message: StoredMessage }>();
  private waiting: (() => void)[] = [];

  constructor(name: string, arn: string, attributes: Record<string, string>, nowMs: number) {
    this.name = name;
    this.arn = arn;
    this.fifo = name.endsWith(".fifo");
    this.attributes = attributes;
    this.createdMs = nowMs;
    this.modifiedMs = nowMs;
  }

  number(attribute: string): number {
    return Number(this.attributes[attribute] ?? 0);
  }

  redrivePolicy(): RedrivePolicy | undefined {
    const text = this.attributes.RedrivePolicy;
    if (!text) return undefined;
    const policy = JSON.parse(text) as { deadLetterTargetArn: string; maxReceiveCount: number | string };
    return { deadLetterTargetArn: policy.deadLetterTargetArn, maxReceiveCount: Number(policy.maxReceiveCount) };
  }

  /** Adds a message, or returns the one that it repeats (FIFO deduplication). */
  add(message: StoredMessage, nowMs: number): StoredMessage {
    this.changed = true;
    if (this.fifo) {
      const known = this.seen.get(message.deduplicationId ?? "");
      if (known && nowMs - known.atMs < DEDUPLICATION_MS) return known.message;
      this.sequence += 1n;
      message.sequenceNumber = String(18_800_000_000_000_000_000n + this.sequence);
      this.seen.set(message.deduplicationId ?? "", { atMs: nowMs, message });
    }
    this.messages.push(message);
    for (const wake of this.waiting.splice(0)) wake();
    return message;
  }

  /** Resolves at the next message; the caller also waits for time. */
  nextMessage(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Drops what is older than the retention period. */
  expire(nowMs: number): void {
    const oldest = nowMs - this.number("MessageRetentionPeriod") * 1000;
    const kept = this.messages.filter((message) => message.sentMs > oldest);
    if (kept.length !== this.messages.length) this.changed = true;
    this.messages = kept;
  }

  /** Messages that may be received now; a FIFO group waits while one of its messages is in flight. */
  receivable(nowMs: number): StoredMessage[] {
    const blocked = new Set<string>();
    return this.messages.filter((message) => {
      if (this.fifo && blocked.has(message.groupId ?? "")) return false;
      if (message.visibleAtMs <= nowMs) return true;
      blocked.add(message.groupId ?? "");
      return false;
    });
  }

  /** Virtual time when the next hidden message shows; undefined when none is hidden. */
  nextVisibleMs(nowMs: number): number | undefined {
    const times = this.messages.flatMap((message) => (message.visibleAtMs > nowMs ? [message.visibleAtMs] : []));
    return times.length === 0 ? undefined : Math.min(...times);
  }

  counts(nowMs: number): { visible: number; delayed: number; inFlight: number } {
    let visible = 0;
    let delayed = 0;
    let inFlight = 0;
    for (const message of this.messages) {
      if (message.visibleAtMs <= nowMs) visible += 1;
      else if (message.receiveCount === 0) delayed += 1;
      else inFlight += 1;
    }
    return { visible, delayed, inFlight };
  }

  byHandle(handle: string): StoredMessage | undefined {
    return this.messages.find((message) => message.receiptHandle === handle);
  }

  remove(message: StoredMessage): void {
    this.changed = true;
    this.messages = this.messages.filter((other) => other !== message);
  }
}
