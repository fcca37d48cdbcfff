const MINUTE_MS = 60_000;
/** Readings that are closer than this say too little of a rate. */
const LEAST_MS = 5000;

interface IReading {
  time: number;
  counts: ReadonlyMap<string, number>;
}

/** Rates of many counters, from what they were at the last readings. */
export class Rates {
  /** Note what the counters are at a time in milliseconds. */
  note(counts: ReadonlyMap<string, number>, time: number): void {
    while (this._readings.length > 1 && (this._readings[1]?.time ?? time) <= time - MINUTE_MS) {
      this._readings.shift();
    }
    const before = this._readings[this._readings.length - 1];
    if (before === undefined || time - before.time >= LEAST_MS) {
      this._readings.push({ time, counts });
    }
    this._now = { time, counts };
  }

  /** How much a counter grew in a minute; null as long as it was not watched for long enough. */
  perMinute(key: string): number | null {
    const [first] = this._readings;
    const [old, now] = [first?.counts.get(key), this._now?.counts.get(key)];
    const lasted = (this._now?.time ?? 0) - (first?.time ?? 0);
    if (old === undefined || now === undefined || lasted < LEAST_MS) {
      return null;
    }
    return (Math.max(0, now - old) / lasted) * MINUTE_MS;
  }

  private readonly _readings: IReading[] = [];
  private _now: IReading | null = null;
}
