import { createHash } from "node:crypto";
import type {
  GetLatestConfigurationCommandInput,
  GetLatestConfigurationCommandOutput,
  StartConfigurationSessionCommandInput,
  StartConfigurationSessionCommandOutput,
} from "@aws-sdk/client-appconfigdata";
import { AwsError } from "../../kernel/errors.ts";
import type { LocalService, World } from "../../kernel/service.ts";
import { flatForm } from "./feature-flags.ts";
import { type DeploymentRecord, type EnvironmentRecord, FEATURE_FLAGS, type ProfileRecord } from "./model.ts";
import type { AppConfigStore } from "./store.ts";

const TOKEN_LIFE_MS = 24 * 3_600_000;
/** Observed default (aws-powertools/powertools-lambda-python#1506); callers may ask for 15 s to a day. */
const DEFAULT_POLL_SECONDS = 60;
const MIN_POLL_SECONDS = 15;
const MAX_POLL_SECONDS = 86_400;

interface Session {
  /** Decides, together with the deployment, when a growing deployment reaches this reader. */
  id: string;
  environment: EnvironmentRecord;
  profile: ProfileRecord;
  pollSeconds: number;
  /** The token that works next; every other one of the session is used up. */
  token: string;
  expiresAtMs: number;
  earliestPollMs: number;
  /** Number of the deployment that this reader has. */
  served: number | undefined;
}

/** The data API: sessions with tokens that work once. */
export function createDataPlane(world: World, store: AppConfigStore): LocalService {
  const sessions = new Map<string, Session>();
  const random = world.random.fork("appconfigdata/tokens");
  const newToken = () => `AYADe${random.text(115)}=`;

  const issue = (session: Session, earliestPollMs: number): string => {
    sessions.delete(session.token);
    session.token = newToken();
    session.expiresAtMs = world.clock.now() + TOKEN_LIFE_MS;
    session.earliestPollMs = earliestPollMs;
    sessions.set(session.token, session);
    return session.token;
  };

  return {
    name: "appconfigdata",
    operations: {
      StartConfigurationSession(
        input: StartConfigurationSessionCommandInput,
      ): Omit<StartConfigurationSessionCommandOutput, "$metadata"> {
        const { environment, profile } = resolve(store, input);
        const pollSeconds = input.RequiredMinimumPollIntervalInSeconds ?? DEFAULT_POLL_SECONDS;
        if (!(pollSeconds >= MIN_POLL_SECONDS && pollSeconds <= MAX_POLL_SECONDS)) {
          throw new AwsError(
            "BadRequestException",
            `RequiredMinimumPollIntervalInSeconds must be between ${MIN_POLL_SECONDS} and ${MAX_POLL_SECONDS}`,
          );
        }
        if (!environment.deployments.some((deployment) => deployment.profile === profile && isServable(deployment))) {
          throw missing("Deployment", {
            EnvironmentIdentifier: environment.id,
            ConfigurationProfileIdentifier: profile.id,
          });
        }
        const session: Session = {
          id: random.uuid(),
          environment,
          profile,
          pollSeconds,
          token: "",
          expiresAtMs: 0,
          earliestPollMs: 0,
          served: undefined,
        };
        return { InitialConfigurationToken: issue(session, 0) };
      },
      GetLatestConfiguration(
        input: GetLatestConfigurationCommandInput,
      ): Omit<GetLatestConfigurationCommandOutput, "$metadata" | "Configuration"> & { Configuration: Uint8Array } {
        const now = world.clock.now();
        const session = sessions.get(input.ConfigurationToken ?? "");
        if (!session) throw badToken("Token not valid", "Corrupted");
        if (now >= session.expiresAtMs) throw badToken("Configuration token has expired", "Expired");
        // [recorded] aws-samples/sample-python-helper-aws-appconfig#2
        if (now < session.earliestPollMs) throw badToken("Request too early", "PollIntervalNotSatisfied");
        const deployment = servedTo(session.environment, session.profile, session.id);
        if (!deployment) throw missing("Configuration", { ConfigurationToken: session.token });
        const changed = deployment.number !== session.served;
        session.served = deployment.number;
        session.environment.lastPolledAtMs = now;
        session.profile.lastPolledAtMs = now;
        return {
          NextPollConfigurationToken: issue(session, now + session.pollSeconds * 1_000),
          NextPollIntervalInSeconds: session.pollSeconds,
          ContentType: deployment.contentType,
          Configuration: changed ? servedContent(deployment) : new Uint8Array(),
          ...(changed && deployment.versionLabel ? { VersionLabel: deployment.versionLabel } : {}),
        };
      },
    },
    reset() {
      sessions.clear();
    },
  };
}

const isServable = (deployment: DeploymentRecord): boolean =>
  deployment.state === "COMPLETE" || deployment.state === "BAKING" || deployment.state === "DEPLOYING";

/**
 * The deployment that a reader gets: the newest that is complete or baking, or that grows and has reached this reader's
 * place. A place is a hash of reader and deployment, so that growth only ever adds readers. Without a reader, a growing
 * deployment counts only when it has reached everyone.
 */
export function servedTo(
  environment: EnvironmentRecord,
  profile: ProfileRecord,
  reader: string | undefined,
): DeploymentRecord | undefined {
  return environment.deployments.findLast((deployment) => {
    if (deployment.profile !== profile || !isServable(deployment)) return false;
    if (deployment.state !== "DEPLOYING") return true;
    const place = reader === undefined ? 100 : placeOf(reader, deployment);
    return place < deployment.percentage;
  });
}

/** 0 (inclusive) to 100 (exclusive). */
function placeOf(reader: string, deployment: DeploymentRecord): number {
  const text = `${reader}/${deployment.applicationId}/${deployment.environment.id}/${deployment.number}`;
  return (createHash("sha256").update(text).digest().readUInt32BE() / 2 ** 32) * 100;
}

function servedContent(deployment: DeploymentRecord): Uint8Array {
  if (deployment.profile.type !== FEATURE_FLAGS) return deployment.content;
  return new TextEncoder().encode(JSON.stringify(flatForm(deployment.content)));
}

/** Names and ids are both accepted. */
function resolve(
  store: AppConfigStore,
  input: StartConfigurationSessionCommandInput,
): { environment: EnvironmentRecord; profile: ProfileRecord } {
  const find = <Named extends { id: string; name: string }>(
    items: Iterable<Named>,
    kind: string,
    parameter: string,
    wanted: string | undefined,
  ): Named => {
    const all = [...items];
    const found = all.find((item) => item.id === wanted) ?? all.find((item) => item.name === wanted);
    if (!found) throw missing(kind, { [parameter]: wanted ?? "" });
    return found;
  };
  const application = find(
    store.applications.values(),
    "Application",
    "ApplicationIdentifier",
    input.ApplicationIdentifier,
  );
  const profile = find(
    application.profiles.values(),
    "ConfigurationProfile",
    "ConfigurationProfileIdentifier",
    input.ConfigurationProfileIdentifier,
  );
  const environment = find(
    application.environments.values(),
    "Environment",
    "EnvironmentIdentifier",
    input.EnvironmentIdentifier,
  );
  return { environment, profile };
}

const missing = (ResourceType: string, ReferencedBy: Record<string, string>) =>
  new AwsError("ResourceNotFoundException", `${ResourceType} not found`, {
    status: 404,
    members: { ResourceType, ReferencedBy },
  });

const badToken = (message: string, Problem: string) =>
  new AwsError("BadRequestException", message, {
    members: { Reason: "InvalidParameters", Details: { InvalidParameters: { ConfigurationToken: { Problem } } } },
  });
