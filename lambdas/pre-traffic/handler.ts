import { hookHandler } from "../runtime/handler.ts";

/** BeforeAllowTraffic: admission, smoke tests, and the release record. */
export const handler = hookHandler("pre-traffic", async (config, log) => {
  const { wire } = await import("./wire.ts");
  return wire(config, log);
});
