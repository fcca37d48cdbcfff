import { expect, test } from 'vitest';

import { EdgeError } from '../src/model/client';
import { clientOf, refusal } from './stand-ins';

test('calls go below the base URL of the server, with their body', async () => {
  const { client, calls } = clientOf(() => ({ models: [] }));
  expect(await client.call('models/list', { workspace_id: 7 })).toEqual({ models: [] });
  expect(calls).toEqual([
    { path: '/user/a%40b/jupyter-edge/api/v1/api/models/list', body: { workspace_id: 7 } }
  ]);
});

test('an answer without a body is null', async () => {
  const { client } = clientOf(() => new Response(''));
  expect(await client.call('models/delete', { id: 1 })).toBeNull();
});

test.each([
  ['the engine', refusal(409, { msg: 'It is deployed.', code: 409 }), 'It is deployed.', null],
  ['inference', refusal(400, [{ error: 'No tensor.' }]), 'No tensor.', null],
  ['Jupyter', refusal(403, { message: 'Forbidden' }), 'Forbidden', null],
  [
    'the extension',
    refusal(503, { msg: 'It is down.', code: 503, state: 'stopped' }),
    'It is down.',
    'stopped'
  ]
])('the sentence of %s is kept', async (_who, response, message, state) => {
  const { client } = clientOf(() => response);
  const error = await client.call('models/delete').catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(EdgeError);
  expect(error).toMatchObject({ message, state, code: response.status });
});

test('an error that is no JSON is told by its status', async () => {
  const { client } = clientOf(() => new Response('<html>', { status: 502, statusText: 'Bad Gateway' }));
  await expect(client.call('models/list')).rejects.toMatchObject({ message: '502 Bad Gateway', code: 502 });
});

test('a server without the extension is told from an engine that lacks something', async () => {
  const { client } = clientOf(() => refusal(404, { message: 'Not Found' }));
  await expect(client.status()).rejects.toMatchObject({ state: 'missing' });
});

test('a server that cannot be reached is offline', async () => {
  const { client } = clientOf(() => {
    throw new TypeError('fetch failed');
  });
  await expect(client.status()).rejects.toMatchObject({ state: 'offline', code: 0 });
});
