import type { EdgeClient } from './client';
import { EdgeEvents } from './edgeEvents';
import type { EngineModel } from './engine';
import { PageModel } from './page';
import { Rates } from './rates';
import type { Range } from './timings';
import type { EdgeState, IChange, IEdge } from './types';

const PAUSE_MS = 2000;

/** An edge, with what it runs and how much of its log arrives in a minute. */
export interface IFleetEdge extends IEdge {
  pipeline: string | null;
  rate: number | null;
}

interface INamedPublish {
  id: number;
  pipeline_name: string;
}

/** Everything that the page of the fleet shows: the edges of all workspaces. */
export class FleetPageModel extends PageModel {
  constructor(client: EdgeClient, engine: EngineModel) {
    super(client, engine, PAUSE_MS);
    this.events = new EdgeEvents(client);
  }

  edges: readonly IFleetEdge[] = [];
  readonly events: EdgeEvents;
  range: Range = '1h';

  /** Show the timeline of another stretch of time. */
  look(range: Range): void {
    this.range = range;
    this.emit();
  }

  protected override touched({ kind }: IChange): readonly string[] {
    switch (kind) {
      case 'edge':
        return ['edges', 'events'];
      case 'log':
        return ['edges'];
      case 'publish':
        return ['publishes', 'edges'];
      default:
        return [];
    }
  }

  protected readonly parts = {
    publishes: async () => {
      const found = await this.client.all<INamedPublish>('pipelines/list_publishes', 'publishes');
      this._names = new Map(found.map(({ id, pipeline_name }) => [id, pipeline_name]));
      this.complete(this.edges);
    },
    edges: async () => {
      const found = await this.client.all<IEdge>('pipelines/list_edges', 'edges');
      this._rates.note(new Map(found.map(({ id, rows }) => [id, rows])), Date.now());
      this.complete(found);
    },
    events: () => this.events.refresh()
  };

  protected override settle(): Promise<void> {
    return Promise.resolve();
  }

  private complete(edges: readonly IEdge[]): void {
    this.edges = edges.map(edge => ({
      ...edge,
      pipeline: this._names.get(edge.pipeline_publish_id) ?? null,
      rate: this._rates.perMinute(edge.id)
    }));
  }

  private _names: ReadonlyMap<number, string> = new Map();
  private readonly _rates = new Rates();
}

/** What edges are in all. */
export interface IFleetSummary {
  states: Record<EdgeState, number>;
  backlog: number;
  lost: number;
  rate: number | null;
}

/** Sum up a fleet. */
export function summaryOf(edges: readonly IFleetEdge[]): IFleetSummary {
  const states: Record<EdgeState, number> = { online: 0, late: 0, lost: 0, waiting: 0, stopped: 0 };
  let [backlog, lost] = [0, 0];
  let rate: number | null = null;
  for (const edge of edges) {
    states[edge.state] += 1;
    backlog += edge.backlog_rows ?? 0;
    lost += edge.dropped_rows;
    rate = edge.rate === null ? rate : (rate ?? 0) + edge.rate;
  }
  return { states, backlog, lost, rate };
}

/** Whether an edge has a text in its name, pipeline or tags. */
export function matches({ name, pipeline, tags }: IFleetEdge, text: string): boolean {
  const wanted = text.toLowerCase();
  return [name, pipeline ?? '', ...tags].some(word => word.toLowerCase().includes(wanted));
}
