import { expect, it } from "vitest";
import { TokenBucket } from "../../lib/core/token-bucket.ts";
import { FakeClock } from "../fakes/clock.ts";

it("lets no more than so many through in any second, in the order in which they came", async () => {
  const clock = new FakeClock();
  const start = clock.now().getTime();
  const bucket = new TokenBucket(clock, 10);
  const through: number[] = [];
  const at: number[] = [];
  await Promise.all(
    Array.from({ length: 25 }, async (_, i) => {
      await bucket.take();
      through.push(i);
      at.push(clock.now().getTime() - start);
    }),
  );
  expect(through).toEqual(Array.from({ length: 25 }, (_, i) => i));
  expect(at).toEqual(Array.from({ length: 25 }, (_, i) => i * 100));
});
