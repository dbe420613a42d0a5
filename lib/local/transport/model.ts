import { NormalizedSchema } from "@smithy/core/schema";
import type { ServiceEntry } from "./catalog.ts";

/**
 * Operation and shape schemas as the `@aws-sdk/client-*` packages export them (`StopDeployment$`, `AliasConfiguration$`):
 * tuples `[kind, namespace, name, traits, …]`. Clients walk them to write requests and read replies; here they are walked
 * the other way round. That is not a documented server API, so the packages are pinned exactly and
 * test/local/transport/model.test.ts fails when the shape of the tuples changes.
 */
const OPERATION = 9;
const ERROR = -3;

/** The traits that the transport reads (`translateTraits` in `@smithy/core/schema` gives the names). */
export interface Traits {
  http?: [method: string, uri: string, code: number];
  httpLabel?: number;
  httpQuery?: string;
  httpHeader?: string;
  httpPrefixHeaders?: string;
  httpPayload?: number;
  httpResponseCode?: number;
  httpQueryParams?: number;
  httpError?: number;
  awsQueryError?: [code: string, status: number];
  idempotencyToken?: number;
  jsonName?: string;
  xmlName?: string;
  xmlFlattened?: number;
  xmlAttribute?: number;
  xmlNamespace?: string[];
}

export interface OperationModel {
  name: string;
  http: Traits["http"];
  input: NormalizedSchema;
  output: NormalizedSchema;
}

export interface ErrorModel {
  name: string;
  status: number | undefined;
  queryCode: string | undefined;
  schema: NormalizedSchema;
}

export interface ServiceModel {
  entry: ServiceEntry;
  /** `com.amazonaws.codedeploy`. */
  namespace: string;
  operations: ReadonlyMap<string, OperationModel>;
  errors: ReadonlyMap<string, ErrorModel>;
}

type SchemaRef = Parameters<typeof NormalizedSchema.of>[0];

export function traitsOf(schema: NormalizedSchema): Traits {
  return schema.getMergedTraits() as Traits;
}

const loaded = new Map<string, Promise<ServiceModel>>();

/** Loads a service's client package the first time it is asked for (40 to 90 ms each, so not at start-up). */
export function loadModel(entry: ServiceEntry): Promise<ServiceModel> {
  const known = loaded.get(entry.name);
  if (known) return known;
  const loading = entry.load().then((exports) => buildModel(entry, exports));
  loaded.set(entry.name, loading);
  return loading;
}

function buildModel(entry: ServiceEntry, exports: object): ServiceModel {
  const operations = new Map<string, OperationModel>();
  const errors = new Map<string, ErrorModel>();
  let namespace = "";
  for (const value of Object.values(exports)) {
    if (!Array.isArray(value) || typeof value[0] !== "number" || typeof value[2] !== "string") continue;
    const [kind, shapeNamespace, name, traits] = value as [number, string, string, Traits | number];
    if (kind === OPERATION) {
      namespace = shapeNamespace;
      operations.set(name, {
        name,
        http: typeof traits === "object" ? traits.http : undefined,
        input: NormalizedSchema.of(value[4] as SchemaRef),
        output: NormalizedSchema.of(value[5] as SchemaRef),
      });
    } else if (kind === ERROR) {
      const errorTraits = typeof traits === "object" ? traits : {};
      errors.set(name, {
        name,
        status: errorTraits.awsQueryError?.[1] ?? errorTraits.httpError,
        queryCode: errorTraits.awsQueryError?.[0],
        schema: NormalizedSchema.of(value as unknown as SchemaRef),
      });
    }
  }
  if (operations.size === 0) throw new Error(`@aws-sdk/client-${entry.name} exports no operation schemas`);
  return { entry, namespace, operations, errors };
}

/** Names of a structure's required members: the schema lists them first and says how many they are. */
export function requiredMembers(schema: NormalizedSchema): readonly string[] {
  const raw = schema.getSchema() as unknown as [number, string, string, unknown, string[], unknown[], number?];
  return Array.isArray(raw) && Array.isArray(raw[4]) ? raw[4].slice(0, raw[6] ?? 0) : [];
}
