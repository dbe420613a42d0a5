import type { DeadLetter, DeadLettersPort } from "../../lib/core/ports.ts";
import { Calls } from "./faults.ts";

/** Queues by name. Behaviour: the first messages are handed out and stay; a queue that is not there is an error. */
export class FakeDeadLetters implements DeadLettersPort {
  readonly calls = new Calls();
  readonly queues = new Map<string, DeadLetter[]>();

  given(queue: string, ...bodies: string[]): void {
    this.queues.set(
      queue,
      bodies.map((body, i) => ({
        messageId: `message-${i + 1}`,
        body,
        md5OfBody: "md5",
        attributes: {},
        messageAttributes: {},
      })),
    );
  }

  async peek(queue: string, most: number): Promise<DeadLetter[]> {
    await this.calls.enter("peek", { queue, most });
    const letters = this.queues.get(queue);
    if (!letters) throw new Error(`there is no queue ${queue}`);
    return letters.slice(0, most);
  }
}
