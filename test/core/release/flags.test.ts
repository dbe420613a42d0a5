import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { killDocument } from "../../../lib/core/release/flags.ts";

const document = () => ({
  version: "1",
  flags: {
    a: { name: "a", attributes: { limit: { constraints: { type: "number" } } } },
    b: { name: "b" },
    c: { name: "c" },
  },
  values: {
    a: { enabled: true, limit: 7, _createdAt: "t0", _updatedAt: "t1" },
    b: { enabled: true, _updatedAt: "t1" },
    c: { enabled: false },
  },
});

describe("the document of a kill", () => {
  it("switches the named flag off and keeps attributes, definitions and all other flags", () => {
    const kill = killDocument(document(), ["a"]);
    expect(kill.document).toEqual({
      ...document(),
      values: { ...document().values, a: { enabled: false, limit: 7, _createdAt: "t0" } },
    });
    expect(kill).toMatchObject({ switchedOff: ["a"], alreadyOff: [], unknown: [] });
  });

  it("tells flags that were off and flags that do not exist", () => {
    const kill = killDocument(document(), ["c", "nope"]);
    expect(kill).toMatchObject({ switchedOff: [], alreadyOff: ["c"], unknown: ["nope"] });
  });

  it("is the deployed document itself when nothing was on", () => {
    const deployed = document();
    expect(killDocument(deployed, ["c"]).document).toBe(deployed);
  });

  it("switches every variant off", () => {
    const values = {
      a: {
        _variants: [
          { name: "x", enabled: true, rule: "(eq $s 1)" },
          { name: "default", enabled: false },
        ],
      },
    };
    const kill = killDocument({ version: "1", flags: { a: { name: "a" } }, values }, ["a"]);
    expect(kill.switchedOff).toEqual(["a"]);
    expect(kill.document.values).toEqual({
      a: {
        _variants: [
          { name: "x", enabled: false, rule: "(eq $s 1)" },
          { name: "default", enabled: false },
        ],
      },
    });
  });

  it("changes nothing of the deployed document in place", () => {
    const deployed = document();
    killDocument(deployed, ["a", "b"]);
    expect(deployed).toEqual(document());
  });

  it("never switches anything on, for any document and any names", () => {
    const names = fc.constantFrom("a", "b", "c", "d", "__proto__", "constructor");
    const values = fc.dictionary(names, fc.record({ enabled: fc.boolean(), limit: fc.integer() }));
    fc.assert(
      fc.property(values, fc.array(names), (drawn, flags) => {
        const before = { version: "1", flags: {}, values: drawn };
        const after = killDocument(before, flags).document.values as Record<string, { enabled: boolean }>;
        for (const name of Object.keys(after)) {
          expect(after[name]?.enabled).toBe(drawn[name]?.enabled === true && !(flags as string[]).includes(name));
        }
      }),
    );
  });
});
