import type { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import type { HttpRequest } from "@smithy/core/transport";
import { SignatureV4 } from "@smithy/signature-v4";
import type { Authorization } from "../../contract/declared-metrics.ts";
import type { Sign } from "./fetch-json.ts";
import type { Secrets } from "./secrets.ts";

/** What an SDK client knows of who calls and where. */
export type Identity = Pick<CloudWatchClient["config"], "credentials" | "region" | "sha256">;

/** What a request needs to be let in. */
export async function authorize(
  by: Authorization | undefined,
  secrets: Secrets,
  identity: () => Identity,
): Promise<{ headers?: Record<string, string>; sign?: Sign }> {
  if (!by) return {};
  if (by.kind === "sigv4") return { sign: await signerFor(by, identity()) };
  const secret = (await secrets.read(by.secret.id, by.secret.field)).trim();
  switch (by.kind) {
    case "bearer":
      return { headers: { authorization: `Bearer ${secret}` } };
    case "basic":
      return { headers: { authorization: `Basic ${Buffer.from(secret, "utf8").toString("base64")}` } };
    case "header":
      return { headers: { [by.name.toLowerCase()]: secret } };
  }
}

async function signerFor({ service, region }: Authorization & { kind: "sigv4" }, identity: Identity): Promise<Sign> {
  const { credentials, sha256 } = identity;
  const signer = new SignatureV4({ service, region: region ?? (await identity.region()), credentials, sha256 });
  return (request) => signer.sign(request) as Promise<HttpRequest>;
}
