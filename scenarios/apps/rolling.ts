/** Two guarded functions, a stack each, that are a rolling group: the second is released when the first is verified. */
import { shop } from "./parts/shop.ts";

shop((name) => `-${name}`, { releaseGroup: "shop", signals: { source: "metrics" } }, true);
