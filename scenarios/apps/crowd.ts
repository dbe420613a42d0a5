/** Six guarded functions in one stack, with executions set aside for the releases of two: what becomes of the rest. */
import { shop } from "./parts/shop.ts";

const names = Array.from({ length: 6 }, (_, i) => `part-${i + 1}`);

shop(
  () => "",
  {},
  false,
  () => ({}),
  names,
  { releasesAtOnce: 2 },
);
