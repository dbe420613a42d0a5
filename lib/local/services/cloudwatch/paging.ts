import { constraintError, invalidNextToken } from "./errors.ts";

/** One page of a list. Tokens are opaque to callers and name an offset. */
export function page<T>(
  items: readonly T[],
  token: string | undefined,
  size: number,
  bounds: { name: string; limit: number },
): { items: T[]; next: string | undefined } {
  if (size < 1 || size > bounds.limit) {
    const comparison = size < 1 ? "greater than or equal to 1" : `less than or equal to ${bounds.limit}`;
    throw constraintError([
      `Value '${size}' at '${bounds.name}' failed to satisfy constraint: Member must have value ${comparison}`,
    ]);
  }
  const offset = token === undefined ? 0 : decodeOffset(token);
  const end = offset + size;
  return { items: items.slice(offset, end), next: end < items.length ? encodeOffset(end) : undefined };
}

export function encodeOffset(offset: number): string {
  return Buffer.from(`offset:${offset}`).toString("base64url");
}

export function decodeOffset(token: string): number {
  const match = /^offset:(\d+)$/.exec(Buffer.from(token, "base64url").toString());
  if (!match) throw invalidNextToken();
  return Number(match[1]);
}
