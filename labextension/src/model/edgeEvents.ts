import type { EdgeClient } from './client';

export type EventKind = 'joined' | 'back' | 'lost' | 'stopped' | 'removed';

/** What happened to an edge. */
export interface IEdgeEvent {
  id: number;
  edge_id: string;
  name: string;
  kind: EventKind;
  time: string;
}

/** As many as the engine keeps. */
const MOST = 10_000;

/** The history of edges, newest first, of which only what is new is read again. */
export class EdgeEvents {
  constructor(private readonly client: EdgeClient) {}

  items: readonly IEdgeEvent[] = [];

  /** Read what happened since the last time; several events may share a moment, so that of the newest is read again. */
  async refresh(): Promise<void> {
    const [newest] = this.items;
    const since = newest && new Date(Date.parse(newest.time) - 1).toISOString();
    const { events } = await this.client.call<{ events: IEdgeEvent[] }>('edges/events', {
      since,
      limit: MOST
    });
    const fresh = events.filter(({ id }) => newest === undefined || id > newest.id);
    if (fresh.length > 0) {
      this.items = [...fresh, ...this.items].slice(0, MOST);
    }
  }
}

/** How many edges came, and how many went, in each stretch of time. */
export interface IComings {
  /** When each stretch begins, in seconds since the epoch. */
  times: number[];
  came: number[];
  went: number[];
}

/** Count what happened in `count` stretches that end at `end` (milliseconds), `seconds` altogether. */
export function comingsOf(
  events: readonly IEdgeEvent[],
  seconds: number,
  count: number,
  end: number
): IComings {
  const width = (seconds * 1000) / count;
  const first = Math.ceil(end / width) * width - seconds * 1000;
  const times = Array.from({ length: count }, (_, number) => (first + number * width) / 1000);
  const [came, went] = [times.map(() => 0), times.map(() => 0)];
  for (const { kind, time } of events) {
    const place = Math.floor((Date.parse(time) - first) / width);
    const counts = kind === 'joined' || kind === 'back' ? came : went;
    if (place >= 0 && place < count) {
      counts[place] = (counts[place] ?? 0) + 1;
    }
  }
  return { times, came, went };
}
