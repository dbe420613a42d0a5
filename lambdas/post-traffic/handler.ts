import { hookHandler } from "../runtime/handler.ts";
import { wire } from "./wire.ts";

/** AfterAllowTraffic: the alias, the verdict over the shift, and known good. */
export const handler = hookHandler("post-traffic", "AfterAllowTraffic", wire);
