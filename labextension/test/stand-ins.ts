import { ServerConnection } from '@jupyterlab/services';

import { EdgeClient } from '../src/model/client';

/** A call that a client made. */
export interface ICall {
  path: string;
  body: Record<string, unknown>;
}

/** What answers a call; a `Response` as it is, anything else as JSON. */
export type Answer = (call: ICall) => unknown;

/** Return a client of a server at a base URL of its own, and the calls that were made. */
export function clientOf(answer: Answer): { client: EdgeClient; calls: ICall[] } {
  const calls: ICall[] = [];
  const fetch = async (input: RequestInfo): Promise<Response> => {
    const request = input as Request;
    const text = request.method === 'POST' ? await request.text() : '';
    const body = (text.startsWith('{') ? JSON.parse(text) : {}) as Record<string, unknown>;
    const call = { path: new URL(request.url).pathname, body };
    calls.push(call);
    const answered = await answer(call);
    return answered instanceof Response ? answered : new Response(JSON.stringify(answered));
  };
  const settings = ServerConnection.makeSettings({
    baseUrl: 'http://127.0.0.1:9/user/a%40b/',
    token: 't',
    fetch
  });
  return { client: new EdgeClient(settings), calls };
}

/** Return an error as the engine writes it. */
export function refusal(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), { status });
}
