import { hookHandler } from "../runtime/handler.ts";

/** AfterAllowTraffic: the alias, the verdict over the shift, and known good. */
export const handler = hookHandler("post-traffic", async (config, log) => {
  const { wire } = await import("./wire.ts");
  return wire(config, log);
});
