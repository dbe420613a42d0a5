import { describe, expect, it } from "vitest";
import type { DeadLettersPort } from "../../lib/core/ports.ts";

/** The scene: queue `orders-dead` with three messages, `one`, `two` and `three`, and queue `empty` without. */
export interface DeadLettersScene {
  port: DeadLettersPort;
  /** Messages of `orders-dead` that anybody could receive now, and those that are hidden. */
  counts(): Promise<{ visible: number; hidden: number }>;
}

export function describeDeadLettersPort(name: string, makeScene: () => Promise<DeadLettersScene>): void {
  describe(`dead-letters port: ${name}`, () => {
    it("reads no more messages than it is asked for", async () => {
      const { port } = await makeScene();
      const letters = await port.peek("orders-dead", 2);
      expect(letters).toHaveLength(2);
      for (const { messageId, body } of letters) {
        expect(messageId).not.toBe("");
        expect(["one", "two", "three"]).toContain(body);
      }
    });

    it("leaves all messages in the queue, for everybody to see at once", async () => {
      const { port, counts } = await makeScene();
      await port.peek("orders-dead", 10);
      expect(await counts()).toEqual({ visible: 3, hidden: 0 });
    });

    it("answers nothing where nothing is", async () => {
      const { port } = await makeScene();
      expect(await port.peek("empty", 5)).toEqual([]);
    });

    it("throws where there is no queue", async () => {
      const { port } = await makeScene();
      await expect(port.peek("nowhere", 5)).rejects.toThrow("nowhere");
    });
  });
}
