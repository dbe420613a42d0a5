import { hookHandler } from "../runtime/handler.ts";
import { wire } from "./wire.ts";

/** BeforeAllowTraffic: admission, smoke tests, and the release record. */
export const handler = hookHandler("pre-traffic", "BeforeAllowTraffic", wire);
