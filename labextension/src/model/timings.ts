/** A stretch of time as `pipelines/timings` tells it: milliseconds; null where there was nothing to measure. */
export interface ITimeBucket {
  time: number;
  rows: number;
  rows_per_second: number;
  p50: number | null;
  p95: number | null;
  p99: number | null;
  check_failures: number;
  requests: number | null;
  errors: number | null;
}

export interface ITimings {
  bucket_seconds: number;
  buckets: ITimeBucket[];
}

/** How far back charts look, in seconds. */
export const RANGES = { '15m': 900, '1h': 3600, '24h': 86_400, '7d': 604_800 } as const;

export type Range = keyof typeof RANGES;

/** How many stretches a chart asks for: about one for five pixels. */
export const BUCKETS = 90;

/** What charts draw; one value for each of `times`, which are seconds since the epoch. */
export interface IMetrics {
  times: number[];
  requests: Values;
  rows: Values;
  p50: Values;
  p95: Values;
  p99: Values;
  errors: Values;
  failures: Values;
}

export type Values = Array<number | null>;

/** Turn counts into rates; a stretch that is not over yet counts for the time that it has lasted. */
export function metricsOf({ bucket_seconds, buckets }: ITimings, now: number): IMetrics {
  const perSecond = (count: number | null, { time }: ITimeBucket): number | null =>
    count === null ? null : count / Math.min(bucket_seconds, Math.max(1, (now - time) / 1000));
  return {
    times: buckets.map(({ time }) => time / 1000),
    requests: buckets.map(bucket => perSecond(bucket.requests, bucket)),
    rows: buckets.map(bucket => perSecond(bucket.rows, bucket) ?? 0),
    p50: buckets.map(({ p50 }) => p50),
    p95: buckets.map(({ p95 }) => p95),
    p99: buckets.map(({ p99 }) => p99),
    errors: buckets.map(({ errors, requests }) => share(errors, requests)),
    failures: buckets.map(({ check_failures, rows }) => share(check_failures, rows))
  };
}

/** A part in percent; null of nothing. */
function share(part: number | null, whole: number | null): number | null {
  return part === null || !whole ? null : (100 * part) / whole;
}
