import { describe, expect, it } from "vitest";
import { flagStates, setFlags } from "../../../lib/core/release/flag-document.ts";
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

describe("suggestion", () => {
  it("names the nearest candidate and stays silent when none is near", () => {
    expect(suggest("enable_fux_queries", ["enable_flux_queries", "use_influxdb"])).toBe("enable_flux_queries");
    expect(suggest("nonsense", ["enable_flux_queries", "use_influxdb"])).toBeUndefined();
  });
});
