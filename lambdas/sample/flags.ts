import {
  AppConfigDataClient,
  GetLatestConfigurationCommand,
  StartConfigurationSessionCommand,
} from "@aws-sdk/client-appconfigdata";
import { FLAG_ENV } from "../../lib/contract/names.ts";
import { noteRead } from "./flag-metrics.ts";

/** A flag as AppConfig hands it out: attributes come only while it is on. */
type Flag = { enabled: boolean } & Record<string, unknown>;

/** AppConfig's shortest poll interval is 15 s (API reference, 2026): a killed flag is off here that much later at most. */
const POLL_MS = 15_000;

let client: AppConfigDataClient | undefined;
let token: string | undefined;
let flags: Record<string, Flag> = {};
let nextPollAt = 0;

/** The flag, as last heard; off when there is no such flag or AppConfig cannot be reached. Never throws. */
export async function flag(name: string): Promise<Flag> {
  const now = Date.now();
  if (now >= nextPollAt) {
    nextPollAt = now + POLL_MS;
    await refresh();
  }
  const answer = flags[name] ?? { enabled: false };
  noteRead(name, answer.enabled);
  return answer;
}

async function refresh(): Promise<void> {
  const application = process.env[FLAG_ENV.application];
  const environment = process.env[FLAG_ENV.environment];
  const profile = process.env[FLAG_ENV.profile];
  if (!application || !environment || !profile) return;
  try {
    client ??= new AppConfigDataClient({ maxAttempts: 2 });
    token ??= (
      await client.send(
        new StartConfigurationSessionCommand({
          ApplicationIdentifier: application,
          EnvironmentIdentifier: environment,
          ConfigurationProfileIdentifier: profile,
          RequiredMinimumPollIntervalInSeconds: POLL_MS / 1000,
        }),
      )
    ).InitialConfigurationToken;
    const answer = await client.send(new GetLatestConfigurationCommand({ ConfigurationToken: token }));
    token = answer.NextPollConfigurationToken;
    // An empty body means: as before.
    const body = answer.Configuration?.transformToString() ?? "";
    if (body !== "") flags = JSON.parse(body) as Record<string, Flag>;
  } catch (error) {
    // A token is good for one call; after a failure only a new session is safe. What was heard last stays.
    token = undefined;
    console.warn(`flags not refreshed: ${(error as Error).name}: ${(error as Error).message}`);
  }
}
