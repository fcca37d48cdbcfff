import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { IEngineStatus, IPage } from './types';

const ROUTE = 'jupyter-edge';
/** How many items one request of a whole list asks for. */
const PAGE = 1000;

/** An answer that says what went wrong; `state` is the engine's, where the server extension knows it. */
export class EdgeError extends Error {
  constructor(
    message: string,
    readonly code: number,
    readonly state: string | null = null
  ) {
    super(message);
    this.name = 'EdgeError';
  }
}

/** Speaks with the server extension, and through it with the engine. */
export class EdgeClient {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  /**
   * Call an endpoint of the engine, such as `pipelines/list`.
   *
   * @throws EdgeError if the answer is an error, with the engine's sentence.
   */
  async call<T>(endpoint: string, body: object = {}): Promise<T> {
    return readJson<T>(await this.send(endpoint, JSON.stringify(body)));
  }

  /** Read a whole list of the engine, page by page. */
  async all<T>(endpoint: string, key: string, body: object = {}): Promise<T[]> {
    const items: T[] = [];
    let after: IPage<T>['next'] = null;
    do {
      const page: Record<string, unknown> = await this.call(endpoint, { ...body, limit: PAGE, after });
      items.push(...(page[key] as T[]));
      after = (page.next ?? null) as IPage<T>['next'];
    } while (after !== null);
    return items;
  }

  /** Send a body of any type to an endpoint of the engine and return the answer as it is. */
  async send(
    endpoint: string,
    body: BodyInit,
    headers: Record<string, string> = {},
    signal: AbortSignal | null = null
  ): Promise<Response> {
    return this.request(`api/v1/api/${endpoint}`, { method: 'POST', body, headers, signal });
  }

  /** Ask how the engine is. */
  async status(): Promise<IEngineStatus> {
    return readJson<IEngineStatus>(await this.request('status', { method: 'GET' }));
  }

  /** Start the engine; resolves once it answers. */
  async start(): Promise<void> {
    await this.request('start', { method: 'POST', body: '{}' });
  }

  /** Call an endpoint of the server extension itself. */
  async own<T>(path: string, body: object): Promise<T> {
    return readJson<T>(await this.request(path, { method: 'POST', body: JSON.stringify(body) }));
  }

  private async request(path: string, init: RequestInit): Promise<Response> {
    const url = URLExt.join(this.settings.baseUrl, ROUTE, path);
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this.settings);
    } catch (error) {
      throw new EdgeError(error instanceof Error ? error.message : String(error), 0, 'offline');
    }
    if (!response.ok) {
      throw await errorOf(response);
    }
    return response;
  }
}

async function readJson<T>(response: Response): Promise<T> {
  const text = await response.text();
  return (text ? JSON.parse(text) : null) as T;
}

interface IErrorBody {
  msg?: string;
  message?: string;
  error?: string;
  state?: string;
}

/** Inference writes an array of one object, the rest one object; Jupyter Server writes `message`. */
async function errorOf(response: Response): Promise<EdgeError> {
  const text = await response.text();
  const plain = `${response.status} ${response.statusText}`.trim();
  try {
    const parsed = JSON.parse(text) as IErrorBody | IErrorBody[] | null;
    const body = (Array.isArray(parsed) ? parsed[0] : parsed) ?? {};
    const message = body.msg ?? body.error ?? body.message ?? plain;
    return new EdgeError(message, response.status, body.state ?? missing(response));
  } catch {
    return new EdgeError(plain, response.status, missing(response));
  }
}

/** A 404 that the engine did not write comes from a Jupyter server without our extension. */
function missing(response: Response): string | null {
  const isEngines = response.url.includes(`/${ROUTE}/api/`);
  return response.status === 404 && !isEngines ? 'missing' : null;
}
