/**
 * The stored form of an AWS.AppConfig.FeatureFlags document (user guide, type reference for feature flags, 2026), in our
 * own words. Limits that span several places (a value against its definition) are in feature-flags.ts.
 */
const KEY = "^[a-z][a-zA-Z\\d_-]{0,63}$";

const stamps = { _createdAt: { type: "string" }, _updatedAt: { type: "string" } };

const stringConstraint = {
  type: "object",
  properties: {
    type: { const: "string" },
    required: { type: "boolean" },
    pattern: { type: "string", maxLength: 1024 },
    enum: {
      type: "array",
      maxItems: 100,
      items: { oneOf: [{ type: "string", maxLength: 1024 }, { type: "integer" }] },
    },
  },
  required: ["type"],
  not: { required: ["pattern", "enum"] },
  additionalProperties: false,
};

const numberConstraint = {
  type: "object",
  properties: {
    type: { const: "number" },
    required: { type: "boolean" },
    minimum: { type: "integer" },
    maximum: { type: "integer" },
  },
  required: ["type"],
  additionalProperties: false,
};

const booleanConstraint = {
  type: "object",
  properties: { type: { const: "boolean" }, required: { type: "boolean" } },
  required: ["type"],
  additionalProperties: false,
};

const arrayConstraint = {
  type: "object",
  properties: {
    type: { const: "array" },
    required: { type: "boolean" },
    elements: { oneOf: [stringConstraint, numberConstraint] },
  },
  required: ["type"],
  additionalProperties: false,
};

const attributeDefinition = {
  type: "object",
  properties: {
    description: { type: "string", maxLength: 1024 },
    constraints: { oneOf: [stringConstraint, numberConstraint, booleanConstraint, arrayConstraint] },
  },
  additionalProperties: false,
};

const flagDefinition = {
  type: "object",
  properties: {
    name: { type: "string", minLength: 1, maxLength: 64, pattern: "^[^\\n]*$" },
    description: { type: "string", maxLength: 1024 },
    ...stamps,
    _deprecation: {
      type: "object",
      properties: { status: { const: "planned" }, date: { type: "string" } },
      additionalProperties: false,
    },
    attributes: {
      type: "object",
      maxProperties: 25,
      patternProperties: { [KEY]: attributeDefinition },
      additionalProperties: false,
    },
  },
  additionalProperties: false,
};

const attributeValue = {
  anyOf: [
    { type: "string", maxLength: 1024 },
    { type: "number" },
    { type: "boolean" },
    { type: "array", items: { type: "string", maxLength: 1024 } },
    { type: "array", items: { type: "number" } },
  ],
};

const variant = {
  type: "object",
  properties: {
    name: { type: "string", minLength: 1 },
    enabled: { type: "boolean" },
    rule: { type: "string", maxLength: 16384 },
    attributeValues: {
      type: "object",
      maxProperties: 25,
      patternProperties: { [KEY]: attributeValue },
      additionalProperties: false,
    },
  },
  required: ["name", "enabled"],
  additionalProperties: false,
};

const flagValue = {
  type: "object",
  properties: {
    enabled: { type: "boolean" },
    ...stamps,
    _variants: { type: "array", maxItems: 32, items: variant },
  },
  patternProperties: { [KEY]: attributeValue },
  additionalProperties: false,
};

export const FEATURE_FLAGS_SCHEMA = {
  type: "object",
  properties: {
    version: { const: "1" },
    flags: { type: "object", patternProperties: { [KEY]: flagDefinition }, additionalProperties: false },
    values: { type: "object", patternProperties: { [KEY]: flagValue }, additionalProperties: false },
  },
  required: ["version"],
  additionalProperties: false,
};
