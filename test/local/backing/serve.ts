import { type LocalAwsOptions, startLocalAws } from "../../../lib/local/index.ts";

/** A local AWS over HTTP, with what clients need to reach it. */
export async function serve(options: LocalAwsOptions = {}) {
  const aws = await startLocalAws({ startMs: Date.UTC(2026, 0, 1), ...options });
  const client = {
    endpoint: aws.endpoint,
    region: aws.world.region,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    maxAttempts: 1,
  };
  return { aws, client };
}
