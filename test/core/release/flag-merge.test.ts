import { describe, expect, it } from "vitest";
import { isAllOff, killedButOn, mergeFlags } from "../../../lib/core/release/flag-merge.ts";

const doc = (values: Record<string, Record<string, unknown>>) => ({
  version: "1",
  flags: Object.fromEntries(Object.keys(values).map((name) => [name, { name }])),
  values,
});
const merge = (code: ReturnType<typeof doc>, live?: ReturnType<typeof doc>, more = {}) =>
  mergeFlags({ code, live, killed: [], ...more });

describe("a merge of flags", () => {
  it("brings first values where nothing is deployed", () => {
    const merged = merge(doc({ a: { enabled: true }, b: { enabled: false } }));
    expect(merged.document.values).toEqual({ a: { enabled: true }, b: { enabled: false } });
    expect(merged).toMatchObject({ added: ["a", "b"], differs: true });
  });

  it("keeps what run time has switched on and off, and gives new flags their first value", () => {
    const merged = merge(
      doc({ on: { enabled: false }, off: { enabled: true }, fresh: { enabled: true } }),
      doc({ on: { enabled: true }, off: { enabled: false }, gone: { enabled: true } }),
    );
    expect(merged.document.values).toEqual({
      on: { enabled: true },
      off: { enabled: false },
      fresh: { enabled: true },
    });
    expect(merged).toMatchObject({ added: ["fresh"], removed: ["gone"], keptOn: ["on"] });
  });

  it("holds a killed flag off, though live and first value are on, variants included", () => {
    const _variants = [{ name: "all", enabled: true }];
    const merged = merge(doc({ a: { enabled: true } }), doc({ a: { enabled: true, _variants } }), {
      killed: ["a", "x"],
    });
    expect(merged.document.values).toEqual({ a: { enabled: false, _variants: [{ name: "all", enabled: false }] } });
    expect(merged.heldOff).toEqual(["a"]);
  });

  it("keeps a live attribute until the code changes its first value", () => {
    const live = doc({ a: { enabled: true, share: 50 } });
    const old = doc({ a: { enabled: false, share: 10 } });
    const same = merge(doc({ a: { enabled: false, share: 10 } }), live, { before: old });
    expect(same.document.values).toEqual({ a: { enabled: true, share: 50 } });
    const changed = merge(doc({ a: { enabled: false, share: 20 } }), live, { before: old });
    expect(changed.document.values).toEqual({ a: { enabled: true, share: 20 } });
  });

  it("takes the code's attribute where the live one is missing or of another type, and drops what is gone", () => {
    const merged = merge(doc({ a: { enabled: false, n: 1, t: "x" } }), doc({ a: { enabled: true, n: "1", old: 2 } }));
    expect(merged.document.values).toEqual({ a: { enabled: true, n: 1, t: "x" } });
  });

  it("differs from what is deployed by content, not by AppConfig's times or the order of keys", () => {
    const live = { ...doc({ a: { _updatedAt: "t", enabled: true } }), flags: { a: { _createdAt: "t", name: "a" } } };
    expect(merge(doc({ a: { enabled: false } }), live).differs).toBe(false);
    expect(merge(doc({ a: { enabled: false } }), live, { killed: ["a"] }).differs).toBe(true);
  });
});

it("killed flags that are on are found, and a document without any flag on is told", () => {
  const document = doc({ a: { enabled: true }, b: { enabled: false } });
  expect(killedButOn(document, ["a", "b", "c"])).toEqual(["a"]);
  expect(isAllOff(document)).toBe(false);
  expect(isAllOff(doc({ b: { enabled: false } }))).toBe(true);
});
