/** Two guarded functions, a stack each, that are one release group: what becomes of the one when the other one fails. */
import { shop } from "./parts/shop.ts";

shop((name) => `-${name}`, { releaseGroup: "shop" });
