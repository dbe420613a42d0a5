import type { MetricDataQuery, MetricStat } from "@aws-sdk/client-cloudwatch";
import { validationError } from "./errors.ts";
import { evaluate, type Points, type Value } from "./metric-math.ts";
import { type Expression, MetricMathError, parseExpression, referencedIds } from "./metric-math-parser.ts";
import type { MetricStore } from "./metric-store.ts";
import { statisticFunction } from "./statistics.ts";

/** Dimensions of the API as the store keeps them. */
export function dimensionRecord(
  dimensions: readonly { Name?: string; Value?: string }[] | undefined,
): Record<string, string> {
  return Object.fromEntries((dimensions ?? []).map(({ Name = "", Value = "" }) => [Name, Value]));
}

export interface MetricPoint {
  value: number | undefined;
  sampleCount: number;
}

export interface MetricRead {
  points: MetricPoint[];
  /** Units met, when the request named none and several were there. */
  severalUnits: string[];
}

/** One statistic of one metric over windows that start at the grid's seconds. */
export function readMetric(
  store: MetricStore,
  stat: { namespace: string; name: string; dimensions: Record<string, string>; statistic: string; unit?: string },
  windows: { grid: readonly number[]; periodSeconds: number },
  nowMs: number,
  operation: string,
): MetricRead {
  const compute = statisticFunction(stat.statistic, operation);
  const series = store.find(stat);
  const met = new Set<string>();
  const points = windows.grid.map((from): MetricPoint => {
    const units = series?.read(from, from + windows.periodSeconds, nowMs);
    if (!units || units.size === 0) return { value: undefined, sampleCount: 0 };
    for (const unit of units.keys()) met.add(unit);
    // Without a unit in the request one unit is answered; recordings of 2023-12 show the alphabetically first.
    const samples = stat.unit ? units.get(stat.unit) : units.get([...units.keys()].sort()[0] as string);
    if (!samples || samples.count === 0) return { value: undefined, sampleCount: 0 };
    return { value: compute(samples), sampleCount: samples.count };
  });
  return { points, severalUnits: !stat.unit && met.size > 1 ? [...met].sort() : [] };
}

export function statOf(stat: MetricStat) {
  return {
    namespace: stat.Metric?.Namespace ?? "",
    name: stat.Metric?.MetricName ?? "",
    dimensions: dimensionRecord(stat.Metric?.Dimensions),
    statistic: stat.Stat ?? "",
    ...(stat.Unit ? { unit: stat.Unit } : {}),
  };
}

const ID = /^[a-z][a-zA-Z0-9_]*$/;

/** A request's queries, parsed and checked once; evaluated as often as needed. */
export class QuerySet {
  readonly queries: readonly MetricDataQuery[];
  private readonly expressions = new Map<string, Expression>();
  private readonly byId = new Map<string, MetricDataQuery>();
  private readonly operation: string;

  /** Throws ValidationError naming the entry. */
  constructor(queries: readonly MetricDataQuery[], operation: string) {
    this.queries = queries;
    this.operation = operation;
    for (const query of queries) {
      const id = query.Id ?? "";
      if (!ID.test(id)) throw validationError(`The value ${id} for parameter Id is not matching the expression ${ID}`);
      if (this.byId.has(id))
        throw validationError(`The id '${id}' is used by more than one entry of the metrics list.`);
      this.byId.set(id, query);
    }
    for (const query of queries) this.check(query);
    for (const query of queries) this.refuseCycle(query.Id ?? "", []);
  }

  /** Metrics that an entry reads, directly or through expressions. */
  metricsBehind(id: string): MetricStat[] {
    const query = this.byId.get(id);
    if (query?.MetricStat) return [query.MetricStat];
    return [...new Set(this.dependencies(id))].flatMap((other) => this.metricsBehind(other));
  }

  /** The one period of the metrics behind an entry, seconds. Throws when they differ. */
  periodOf(id: string): number | undefined {
    const query = this.byId.get(id);
    const periods = [...new Set(this.metricsBehind(id).map((stat) => stat.Period ?? 60))];
    if (periods.length > 1) {
      throw validationError(`Error in expression '${id}': all metrics of an expression must have the same period.`);
    }
    return periods[0] ?? query?.Period;
  }

  evaluate(id: string, store: MetricStore, grid: readonly number[], nowMs: number): EvaluatedQuery {
    const severalUnits = new Set<string>();
    const known = new Map<string, Value>();
    const metricIds = this.queries.flatMap((query) => (query.MetricStat && query.Id ? [query.Id] : []));
    const lookup = (wanted: string): Value | undefined => {
      const done = known.get(wanted);
      if (done) return done;
      const query = this.byId.get(wanted);
      if (!query) return undefined;
      const value = query.MetricStat ? this.metric(query.MetricStat, store, grid, nowMs, severalUnits) : math(wanted);
      known.set(wanted, value);
      return value;
    };
    const math = (wanted: string): Value =>
      this.blaming(wanted, () =>
        evaluate(this.expressions.get(wanted) as Expression, {
          grid,
          lookup,
          periodOf: (other) => (this.byId.has(other) ? this.periodOf(other) : undefined),
          metricIds,
        }),
      );
    return { value: lookup(id) as Value, severalUnits: [...severalUnits] };
  }

  private metric(
    stat: MetricStat,
    store: MetricStore,
    grid: readonly number[],
    nowMs: number,
    severalUnits: Set<string>,
  ): Value {
    const read = readMetric(store, statOf(stat), { grid, periodSeconds: stat.Period ?? 60 }, nowMs, this.operation);
    for (const unit of read.severalUnits) severalUnits.add(unit);
    return { kind: "series", points: read.points.map((point) => point.value) };
  }

  private check(query: MetricDataQuery): void {
    const id = query.Id ?? "";
    if ((query.MetricStat === undefined) === (query.Expression === undefined)) {
      throw validationError(`The entry '${id}' must have either MetricStat or Expression, and not both.`);
    }
    if (query.MetricStat) {
      const { Metric, Period, Stat } = query.MetricStat;
      if (!Metric?.MetricName || !Metric.Namespace) {
        throw validationError(`The metric of the entry '${id}' must have a namespace and a name.`);
      }
      checkPeriod(Period);
      statisticFunction(Stat ?? "", this.operation);
      return;
    }
    this.blaming(id, () => {
      const expression = parseExpression(query.Expression ?? "");
      for (const other of referencedIds(expression)) {
        if (!this.byId.has(other)) throw new MetricMathError(`Undefined variable: '${other}'`);
      }
      this.expressions.set(id, expression);
    });
  }

  private dependencies(id: string): string[] {
    const expression = this.expressions.get(id);
    if (!expression) return [];
    const all = /METRICS\(/.test(this.byId.get(id)?.Expression ?? "")
      ? this.queries.flatMap((query) => (query.MetricStat && query.Id ? [query.Id] : []))
      : [];
    return [...referencedIds(expression), ...all];
  }

  private refuseCycle(id: string, path: string[]): void {
    if (path.includes(id)) throw validationError(`Error in expression '${id}': the expression refers to itself.`);
    for (const other of this.dependencies(id)) this.refuseCycle(other, [...path, id]);
  }

  private blaming<T>(id: string, run: () => T): T {
    try {
      return run();
    } catch (error) {
      if (error instanceof MetricMathError) throw validationError(`Error in expression '${id}': ${error.message}`);
      throw error;
    }
  }
}

export interface EvaluatedQuery {
  value: Value;
  severalUnits: string[];
}

/** Periods below a minute are 1, 5, 10, 20 or 30 s; the rest are whole minutes (CloudWatch API reference, 2026). */
export function checkPeriod(period: number | undefined): void {
  if (period === undefined) throw validationError("The parameter Period is required.");
  if (![1, 5, 10, 20, 30].includes(period) && (period < 60 || period % 60 !== 0)) {
    throw validationError("Period must be 1, 5, 10, 20, 30 or a multiple of 60");
  }
}

/** Series of a value for an answer; an expression must not end in a plain number. */
export function seriesForAnswer(id: string, value: Value): readonly Points[] {
  if (value.kind === "scalar") {
    throw validationError(`Error in expression '${id}': the expression returns a number, not a time series.`);
  }
  return value.kind === "array" ? value.items : [value.points];
}
