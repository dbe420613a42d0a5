import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allOff, flagStates, setFlags } from "../../../lib/core/release/flag-document.ts";
import { suggest } from "../../../lib/core/suggest.ts";

const document = {
  version: "1",
  flags: { a: { name: "A" }, b: { name: "B" }, v: { name: "V" }, unset: { name: "U" } },
  values: {
    a: { enabled: true, limit: 7, _updatedAt: "yesterday" },
    b: { enabled: false },
    v: {
      _variants: [
        { name: "on", enabled: true },
        { name: "off", enabled: false },
      ],
    },
  },
};

describe("flag document", () => {
  it("counts a flag without a value as off, and one with variants as on while any is", () => {
    expect(flagStates(document)).toEqual({ a: true, b: false, v: true, unset: false });
  });

  it("sets only what is named and leaves attributes, definitions and the original alone", () => {
    const { document: changed, changed: names } = setFlags(document, { a: false });
    expect(names).toEqual(["a"]);
    expect(changed).toEqual({ ...document, values: { ...document.values, a: { enabled: false, limit: 7 } } });
    expect(document.values.a.enabled).toBe(true);
  });

  it("switches every variant", () => {
    const { document: changed } = setFlags(document, { v: false });
    expect(flagStates(changed).v).toBe(false);
  });

  it("gives a flag its first value", () => {
    expect(flagStates(setFlags(document, { unset: true }).document).unset).toBe(true);
  });

  it("says what stood so already", () => {
    expect(setFlags(document, { a: false, b: false })).toMatchObject({ changed: ["a"], unchanged: ["b"] });
  });

  it("takes no property of every object for a flag", () => {
    expect(() => setFlags(document, { toString: false })).toThrow("toString");
  });
});

const released = () => ({
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

const kill = (deployed: Record<string, unknown>, flags: string[]) => setFlags(deployed, allOff(flags), "leave-out");

describe("the document of a kill", () => {
  it("switches the named flag off and keeps attributes, definitions and all other flags", () => {
    const killed = kill(released(), ["a"]);
    expect(killed.document).toEqual({
      ...released(),
      values: { ...released().values, a: { enabled: false, limit: 7, _createdAt: "t0" } },
    });
    expect(killed).toMatchObject({ changed: ["a"], unchanged: [], missing: [] });
  });

  it("tells flags that were off and flags that do not exist", () => {
    const killed = kill(released(), ["c", "nope"]);
    expect(killed).toMatchObject({ changed: [], unchanged: ["c"], missing: ["nope"] });
  });

  it("is the deployed document itself when nothing was on", () => {
    const deployed = released();
    expect(kill(deployed, ["c"]).document).toBe(deployed);
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
    const killed = kill({ version: "1", flags: { a: { name: "a" } }, values }, ["a"]);
    expect(killed.changed).toEqual(["a"]);
    expect(killed.document.values).toEqual({
      a: {
        _variants: [
          { name: "x", enabled: false, rule: "(eq $s 1)" },
          { name: "default", enabled: false },
        ],
      },
    });
  });

  it("changes nothing of the deployed document in place", () => {
    const deployed = released();
    kill(deployed, ["a", "b"]);
    expect(deployed).toEqual(released());
  });

  it("never switches anything on, for any document and any names", () => {
    const names = fc.constantFrom("a", "b", "c", "d", "__proto__", "constructor");
    const values = fc.dictionary(names, fc.record({ enabled: fc.boolean(), limit: fc.integer() }));
    fc.assert(
      fc.property(values, fc.array(names), (drawn, flags) => {
        const before = { version: "1", flags: {}, values: drawn };
        const after = kill(before, flags).document.values as Record<string, { enabled: boolean }>;
        for (const name of Object.keys(after)) {
          expect(after[name]?.enabled).toBe(drawn[name]?.enabled === true && !(flags as string[]).includes(name));
        }
      }),
    );
  });
});

describe("suggestion", () => {
  it("names the nearest candidate and stays silent when none is near", () => {
    expect(suggest("enable_fux_queries", ["enable_flux_queries", "use_influxdb"])).toBe("enable_flux_queries");
    expect(suggest("nonsense", ["enable_flux_queries", "use_influxdb"])).toBeUndefined();
  });
});
