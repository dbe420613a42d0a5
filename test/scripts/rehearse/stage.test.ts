import { afterEach, expect, it } from "vitest";
import { type LocalAws, startLocalAws } from "../../../lib/local/index.ts";
import { Stage } from "../../../scripts/rehearse/stage.ts";

let aws: LocalAws | undefined;
afterEach(() => aws?.close());

it("moves time for work that waits for it, and for no other", async () => {
  aws = await startLocalAws({ port: 0, seed: 1 });
  const stage = new Stage(aws);
  const start = stage.now;
  expect(await stage.toItsEnd(Promise.resolve("at once"))).toBe("at once");
  expect(stage.now).toBe(start);
  await stage.toItsEnd(aws.clock.sleep(8));
  expect(stage.now).toBeGreaterThanOrEqual(start + 8);
  await expect(stage.toItsEnd(Promise.reject(new Error("refused")))).rejects.toThrow("refused");
});
