import type { SeededRandom } from "./random.ts";
import type { Principal } from "./service.ts";

export interface TemporaryCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
}

/** Maps access keys to principals. Signatures are not verified: nothing but loopback can reach the server. */
export class CredentialStore {
  private readonly principals = new Map<string, Principal>();
  private readonly random: SeededRandom;
  private readonly operator: Principal;

  constructor(random: SeededRandom, operator: Principal) {
    this.random = random;
    this.operator = operator;
  }

  issue(principal: Principal): TemporaryCredentials {
    const upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    const accessKeyId = `ASIA${this.random.text(16, upper)}`;
    this.principals.set(accessKeyId, principal);
    return { accessKeyId, secretAccessKey: this.random.text(40), sessionToken: this.random.text(64) };
  }

  /** Keys that were not issued here belong to the person at the terminal: the account's operator. */
  principalFor(accessKeyId: string | undefined): Principal {
    return (accessKeyId && this.principals.get(accessKeyId)) || this.operator;
  }
}
