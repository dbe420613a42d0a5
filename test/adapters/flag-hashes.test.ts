import { expect, it } from "vitest";
import { flagHashes } from "../../lib/adapters/flag-hashes.ts";

it("hashes a flag content as it always has: the ledger compares with hashes of a year ago", () => {
  const times = { _createdAt: "2026-03-02T12:00:00.000Z", _updatedAt: "2026-03-02T12:00:00.000Z" };
  const content = {
    version: "1",
    values: { new_api: { limit: 7, enabled: true, ...times } },
    flags: { new_api: { name: "new_api", attributes: { limit: { constraints: { type: "number" } } }, ...times } },
  };
  expect(flagHashes(content)).toEqual({
    definitionsSha256: "b4a98d6d1d1a12ffbca916d4fc4778b70b0258fa7c8253ca456bf07e3f3c8525",
    valuesSha256: "e44398ca6d5cdf78d25d2517a417d772fadde77deab939a79482b33fc40e408f",
  });
  expect(flagHashes({ version: "1", flags: {} }).valuesSha256).toBe(flagHashes({ values: {} }).valuesSha256);
});
