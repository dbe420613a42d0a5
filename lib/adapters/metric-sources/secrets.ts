import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { GoaroundError } from "../../core/errors.ts";
import { toGoaroundError } from "../errors.ts";
import { type AdapterOptions, connect, lazy } from "../options.ts";

/** A rotated secret is noticed after so long. Milliseconds. */
const KEEP_MS = 300_000;

export interface Secrets {
  /** The secret, or a field of one that is a JSON object. Throws GoaroundError; never with any of its content. */
  read(id: string, field?: string): Promise<string>;
}

/** Secrets Manager, each secret read once in five minutes. */
export function createSecrets(options: AdapterOptions): Secrets {
  const client = lazy(() => connect(SecretsManagerClient, options));
  const kept = new Map<string, { text: string; until: number }>();

  const load = async (id: string): Promise<string> => {
    const found = kept.get(id);
    if (found && found.until > Date.now()) return found.text;
    try {
      const { SecretString } = await client().send(
        new GetSecretValueCommand({ SecretId: id }),
        options.signal ? { abortSignal: options.signal } : {},
      );
      if (SecretString === undefined) throw malformed(id, "is binary; it must be text");
      kept.set(id, { text: SecretString, until: Date.now() + KEEP_MS });
      return SecretString;
    } catch (error) {
      throw toGoaroundError(error, { operation: "secretsmanager GetSecretValue", subject: `secret ${id}` });
    }
  };

  return {
    async read(id, field) {
      const text = await load(id);
      if (field === undefined) return text;
      let fields: unknown;
      try {
        fields = JSON.parse(text);
      } catch {
        throw malformed(id, "is not a JSON object");
      }
      const value = (fields as Record<string, unknown> | null)?.[field];
      if (typeof value !== "string") throw malformed(id, `has no text in its field "${field}"`);
      return value;
    },
  };
}

const malformed = (id: string, why: string) => new GoaroundError("usage", "operator", `secret ${id} ${why}`);
