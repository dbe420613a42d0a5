import type { ResourceTypes } from "./resource-type.ts";
export const RESOURCE_TYPES: ResourceTypes = {};
