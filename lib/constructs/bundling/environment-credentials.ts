/**
 * Takes the place of `@aws-sdk/credential-provider-node` in a Lambda's bundle. Lambda hands a function its role's keys
 * in environment variables (Lambda developer guide, "Defined runtime environment variables", 2022), so the chain of
 * profile files, SSO, processes, containers and instance metadata is weight that is never used.
 */

interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

/** Read at each call: the local AWS and long-lived environments may change them. */
export const defaultProvider = () => async (): Promise<Credentials> => {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) {
    throw new Error(
      "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set; this bundle runs in Lambda, which sets them",
    );
  }
  return {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    ...(AWS_SESSION_TOKEN ? { sessionToken: AWS_SESSION_TOKEN } : {}),
  };
};
