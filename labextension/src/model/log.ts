import type { EdgeClient } from './client';
import type { ILogRow, IPage, IPageRequest } from './types';

const CURSOR = 'x-iteration-cursor';

/** What goes in and comes out may be megabytes a row: a list shows neither. */
const WITHOUT_TENSORS = 'dataset.exclude=in&dataset.exclude=out';

/** How many rows of a log a list shows: a browser cannot scroll through millions, and each change reads all of them. */
export const NEWEST_ROWS = 10_000;

/** Reads a pipeline's log, newest first. */
export class LogReader {
  constructor(private readonly client: EdgeClient) {}

  /** Return a page of a log. */
  async page(workspace_id: number, pipeline_name: string, request: IPageRequest): Promise<IPage<ILogRow>> {
    const body = {
      workspace_id,
      pipeline_name,
      page_size: request.limit,
      cursor: request.after,
      order: 'desc'
    };
    const answer = await this.client.send(`pipelines/get_logs?${WITHOUT_TENSORS}`, JSON.stringify(body));
    const rows = (await answer.json()) as Array<Omit<ILogRow, 'key'>>;
    if (request.after === null) {
      this._alike.clear();
    }
    const items = rows.map(row => ({ ...row, key: this.keyOf(row) }));
    return { items, next: answer.headers.get(CURSOR), total: null };
  }

  /** Rows have no id: the rows of one request, which share their time, are told apart by counting them. */
  private keyOf({ time, metadata }: Omit<ILogRow, 'key'>): string {
    const origin = `${metadata.partition}/${time}`;
    const before = this._alike.get(origin) ?? 0;
    this._alike.set(origin, before + 1);
    return `${origin}/${before}`;
  }

  private readonly _alike = new Map<string, number>();
}
