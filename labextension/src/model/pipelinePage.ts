import { EdgeError, type EdgeClient } from './client';
import type { EngineModel } from './engine';
import { ListModel } from './list';
import { LogReader, NEWEST_ROWS } from './log';
import { PageModel } from './page';
import { BUCKETS, RANGES, type ITimings, type Range } from './timings';
import type { IChange, IEdge, ILogRow, IPage, IPageRequest, IPipeline, IPublish } from './types';

/** One process that answers for a deployment. */
export interface IReplica {
  name: string;
  status: string;
  reason: string | null;
  details: string[];
}

export interface IDeploymentStatus {
  status: string;
  details: string[];
  engines: IReplica[];
}

const PAUSE_MS = 500;

/** Everything that the page of a pipeline shows. */
export class PipelinePageModel extends PageModel {
  constructor(
    client: EdgeClient,
    engine: EngineModel,
    readonly id: number
  ) {
    super(client, engine, PAUSE_MS);
    const reader = new LogReader(client);
    this.log = new ListModel(request => this.logPage(reader, request), NEWEST_ROWS);
    this.log.changed.connect(() => this.emit());
  }

  pipeline: IPipeline | null = null;
  /** Null where nothing is deployed. */
  status: IDeploymentStatus | null = null;
  timings: ITimings | null = null;
  publishes: readonly IPublish[] = [];
  edges: readonly IEdge[] = [];
  readonly log: ListModel<ILogRow>;

  get range(): Range {
    return this._range;
  }

  /** Let the charts look further back, or less far. */
  async look(range: Range): Promise<void> {
    this._range = range;
    this.emit();
    await this.readTimings();
    this.emit();
  }

  protected override touched({ kind, id }: IChange): readonly string[] {
    switch (kind) {
      case 'log':
        return id === null || Number(id) === this.id ? ['timings', 'log', 'edges'] : [];
      case 'edge':
        return ['edges'];
      case 'deployment':
        return ['status'];
      case 'publish':
        return ['publishes'];
      case 'pipeline':
        return id === null || Number(id) === this.id ? ['status', 'publishes'] : [];
      default:
        return [];
    }
  }

  protected readonly parts = {
    status: () => this.readStatus(),
    timings: () => this.readTimings(),
    log: () => this.log.refresh(),
    publishes: async () => {
      const body = { pipeline_id: this.id };
      const found = await this.client.all<IPublish>(
        'pipelines/list_publishes_for_pipeline',
        'publishes',
        body
      );
      this.publishes = found.reverse();
    },
    edges: async () => {
      this.edges = await this.client.all<IEdge>('pipelines/list_edges', 'edges', { pipeline_id: this.id });
    }
  };

  protected override async settle(): Promise<void> {
    this.pipeline = await this.client.call<IPipeline>('pipelines/get', { id: this.id });
  }

  private async readStatus(): Promise<void> {
    const { name, deployment } = this.pipeline ?? {};
    this.status = deployment ? await this.statusOf(`${name}-${deployment.id}`) : null;
  }

  /** A deployment that is gone is none. */
  private async statusOf(name: string): Promise<IDeploymentStatus | null> {
    try {
      return await this.client.call<IDeploymentStatus>('status/get_deployment', { name });
    } catch (error) {
      if (error instanceof EdgeError && error.code === 404) {
        return null;
      }
      throw error;
    }
  }

  private async readTimings(): Promise<void> {
    const range = this._range;
    const start = new Date(Date.now() - RANGES[range] * 1000).toISOString();
    const body = { pipeline_id: this.id, start, buckets: BUCKETS };
    const timings = await this.client.call<ITimings>('pipelines/timings', body);
    if (range === this._range) {
      this.timings = timings;
    }
  }

  private async logPage(reader: LogReader, request: IPageRequest): Promise<IPage<ILogRow>> {
    const { workspace_id, name } = this.pipeline ?? {};
    return workspace_id === undefined || name === undefined
      ? { items: [], next: null, total: 0 }
      : reader.page(workspace_id, name, request);
  }

  private _range: Range = '15m';
}
