import { describe, expect, it } from "vitest";
import { matchesPattern, parsePattern } from "../../../lib/local/services/eventbridge/pattern.ts";

const matches = (pattern: unknown, event: unknown) => matchesPattern(parsePattern(JSON.stringify(pattern)), event);

describe("an event pattern", () => {
  const cases: [string, unknown, unknown, boolean][] = [
    ["an exact value", { source: ["a", "b"] }, { source: "b" }, true],
    ["nothing else", { source: ["a"] }, { source: "ab" }, false],
    ["numbers as numbers", { n: [1] }, { n: 1.0 }, true],
    ["no text for a number", { n: [1] }, { n: "1" }, false],
    ["null and booleans", { a: [null], b: [true] }, { a: null, b: true }, true],
    ["nested fields", { detail: { state: { value: ["ALARM"] } } }, { detail: { state: { value: "ALARM" } } }, true],
    ["no absent nested field", { detail: { state: { value: ["ALARM"] } } }, { detail: {} }, false],
    ["any element of an array", { resources: ["x"] }, { resources: ["w", "x"] }, true],
    ["any object of an array", { list: { id: [2] } }, { list: [{ id: 1 }, { id: 2 }] }, true],
    ["a prefix", { a: [{ prefix: "goaround-" }] }, { a: "goaround-prod-x" }, true],
    ["no other prefix", { a: [{ prefix: "goaround-" }] }, { a: "x" }, false],
    ["a prefix in any case", { a: [{ prefix: { "equals-ignore-case": "GO" } }] }, { a: "goaround" }, true],
    ["a suffix", { a: [{ suffix: ".png" }] }, { a: "x.png" }, true],
    ["any case", { a: [{ "equals-ignore-case": "AlArM" }] }, { a: "alarm" }, true],
    ["a wildcard", { a: [{ wildcard: "a*c*" }] }, { a: "abbbcd" }, true],
    ["no text that lacks a wildcard's parts", { a: [{ wildcard: "a*c" }] }, { a: "abd" }, false],
    ["an escaped star only as a star", { a: [{ wildcard: "a\\*" }] }, { a: "ab" }, false],
    ["anything but a value", { a: [{ "anything-but": "ALARM" }] }, { a: "OK" }, true],
    ["not the value itself", { a: [{ "anything-but": ["x", "ALARM"] }] }, { a: "ALARM" }, false],
    ["no absent field as anything but", { a: [{ "anything-but": "x" }] }, {}, false],
    ["null as anything but", { a: [{ "anything-but": "x" }] }, { a: null }, true],
    ["anything but a prefix", { a: [{ "anything-but": { prefix: "in" } }] }, { a: "out" }, true],
    ["nothing with the excluded prefix", { a: [{ "anything-but": { prefix: ["in", "un"] } }] }, { a: "undo" }, false],
    ["anything but a suffix", { a: [{ "anything-but": { suffix: ".txt" } }] }, { a: "x.png" }, true],
    ["a number in a range", { n: [{ numeric: [">", 0, "<=", 5] }] }, { n: 5 }, true],
    ["no number outside it", { n: [{ numeric: [">", 0, "<=", 5] }] }, { n: 0 }, false],
    ["an equal number", { n: [{ numeric: ["=", 3] }] }, { n: 3 }, true],
    ["a field that exists", { a: [{ exists: true }] }, { a: "" }, true],
    ["a field that does not", { a: [{ exists: false }] }, {}, true],
    ["no absence where the field is", { a: [{ exists: false }] }, { a: 1 }, false],
    ["no object as an existing leaf", { a: [{ exists: true }] }, { a: { b: 1 } }, false],
    ["one of alternatives", { $or: [{ a: ["x"] }, { b: ["y"] }] }, { b: "y" }, true],
    ["none of alternatives", { $or: [{ a: ["x"] }, { b: ["y"] }], c: ["z"] }, { b: "y", c: "w" }, false],
  ];
  for (const [what, pattern, event, expected] of cases) {
    it(`matches ${what}`, () => expect(matches(pattern, event)).toBe(expected));
  }

  const refusals: [unknown, string][] = [
    [{ lenderId: "A" }, '"lenderId" must be an object or an array'],
    [{ a: [] }, "Empty arrays are not allowed"],
    [{ a: {} }, "Empty objects are not allowed"],
    [{ a: [["x"]] }, "Match value must be String, number, true, false, or null"],
    [{ a: [{ wrong: 1 }] }, "Unrecognized match type wrong"],
    [{ a: [{ suffix: "v", prefix: "w" }] }, "Only one key allowed in match expression"],
    [{ a: [{ suffix: 100 }] }, "suffix match pattern must be a string"],
    [{ a: [{ exists: "no" }] }, "exists match pattern must be either true or false."],
    [{ a: [{ numeric: [] }] }, "Invalid member in numeric match: ]"],
    [{ a: [{ numeric: ["=", "000"] }] }, "Value of equals must be numeric"],
    [{ a: [{ numeric: [">", 3, "<", 1] }] }, "Bottom must be less than top"],
    [{ a: [{ numeric: [">", 20, "<", 30, "<", 50] }] }, "Too many terms in numeric range expression"],
    [{ a: [{ cidr: "10.0.0.0/8" }] }, "does not implement eventbridge event pattern (cidr)"],
  ];
  for (const [pattern, reason] of refusals) {
    it(`is refused: ${reason}`, () => expect(() => matches(pattern, {})).toThrow(reason));
  }
});
