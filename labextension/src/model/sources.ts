import type { EdgeClient } from './client';
import { LogReader } from './log';
import type {
  IEdge,
  IJob,
  ILogRow,
  IModel,
  IPage,
  IPageRequest,
  IPipeline,
  IPublish,
  IWorkspace
} from './types';

const NOTHING = { items: [], next: null, total: 0 };

/** Where the pages of each list come from. */
export class Sources {
  constructor(
    private readonly client: EdgeClient,
    private readonly workspaceId: () => number | null,
    private readonly logName: () => string | null
  ) {
    this._log = new LogReader(client);
  }

  readonly workspaces = (request: IPageRequest): Promise<IPage<IWorkspace>> =>
    this.page('workspaces/list', 'workspaces', request);

  readonly models = (request: IPageRequest): Promise<IPage<IModel>> =>
    this.ofWorkspace('models/list', 'models', request);

  readonly pipelines = (request: IPageRequest): Promise<IPage<IPipeline>> =>
    this.ofWorkspace('pipelines/list', 'pipelines', request);

  readonly publishes = (request: IPageRequest): Promise<IPage<IPublish>> =>
    this.ofWorkspace('pipelines/list_publishes', 'publishes', request);

  readonly edges = (request: IPageRequest): Promise<IPage<IEdge>> =>
    this.ofWorkspace('pipelines/list_edges', 'edges', request);

  readonly jobs = (request: IPageRequest): Promise<IPage<IJob>> => this.page('jobs/list', 'jobs', request);

  readonly log = async (request: IPageRequest): Promise<IPage<ILogRow>> => {
    const [workspace, name] = [this.workspaceId(), this.logName()];
    return workspace === null || name === null ? NOTHING : this._log.page(workspace, name, request);
  };

  /** A list that is a workspace's is empty as long as there is none. */
  private async ofWorkspace<T>(endpoint: string, key: string, request: IPageRequest): Promise<IPage<T>> {
    const workspace_id = this.workspaceId();
    return workspace_id === null ? NOTHING : this.page(endpoint, key, request, { workspace_id });
  }

  private async page<T>(endpoint: string, key: string, request: IPageRequest, more = {}): Promise<IPage<T>> {
    const { limit, after, filter } = request;
    const body = { ...more, limit, after, name_contains: filter || null };
    const answer = await this.client.call<Record<string, unknown>>(endpoint, body);
    return {
      items: answer[key] as T[],
      next: (answer.next ?? null) as string | null,
      total: (answer.total ?? null) as number | null
    };
  }

  private readonly _log: LogReader;
}
