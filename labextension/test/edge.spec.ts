import { nullTranslator } from '@jupyterlab/translation';
import { expect, test } from 'vitest';

import { EdgeModel } from '../src/model/edge';
import type { IChange } from '../src/model/types';
import { adviceFor } from '../src/ui/engineWords';
import { clientOf, refusal, type ICall } from './stand-ins';

const WORKSPACES = [
  { id: 1, name: 'first', models: [], pipelines: [] },
  { id: 2, name: 'second', models: [], pipelines: [] }
];

function answerOf({ path, body }: ICall): unknown {
  const answers: Record<string, unknown> = {
    'jupyter-edge/status': {
      state: 'running',
      is_local: true,
      version: '0.1.0',
      engine_version: '0.1.0',
      msg: null
    },
    'workspaces/list': { workspaces: WORKSPACES },
    'models/list': { models: [{ id: 10, name: `of ${String(body.workspace_id)}` }] },
    'pipelines/list': {
      pipelines: [
        { id: 3, name: 'idle' },
        { id: 4, name: 'busy', deployment: { deployed: true } }
      ]
    },
    'pipelines/list_publishes': { publishes: [] },
    'pipelines/list_edges': { edges: [] },
    'jobs/list': { jobs: [] },
    'pipelines/get_logs': [{ time: 5, check_failures: [], metadata: { partition: 'p' } }]
  };
  return Object.entries(answers).find(([end]) => path.endsWith(end))?.[1] ?? refusal(404, { msg: path });
}

const lastParts = (calls: ICall[]): string[] => calls.map(({ path }) => path.split('/').slice(-2).join('/'));

const change = (kind: IChange['kind'], workspace_id: number | null): IChange => ({
  kind,
  id: 1,
  action: 'changed',
  workspace_id
});

test('the first workspace is shown, and the log of a pipeline that is deployed', async () => {
  const model = new EdgeModel(clientOf(answerOf).client);
  await model.refresh(null);
  expect(model.workspace?.name).toBe('first');
  expect(model.lists.models.items).toEqual([{ id: 10, name: 'of 1' }]);
  expect(model.logName).toBe('busy');
  expect(model.lists.log.items.map(({ key }) => key)).toEqual(['p/5/0']);
});

test('a workspace that was shown before is shown again, unless it is gone', async () => {
  for (const [kept, shown] of [
    [2, 2],
    [99, 1]
  ] as const) {
    const model = new EdgeModel(clientOf(answerOf).client);
    model.prefer(kept);
    await model.refresh(null);
    expect(model.workspaceId).toBe(shown);
  }
});

test('another workspace brings other rows', async () => {
  const model = new EdgeModel(clientOf(answerOf).client);
  await model.refresh(null);
  await model.choose(2);
  expect(model.lists.models.items).toEqual([{ id: 10, name: 'of 2' }]);
});

test('a change is answered by reading what shows it, and nothing else', async () => {
  const { client, calls } = clientOf(answerOf);
  const model = new EdgeModel(client);
  await model.refresh(null);
  calls.length = 0;
  await model.refresh([change('edge', 1), change('job', null)]);
  expect(lastParts(calls).sort()).toEqual(['jobs/list', 'pipelines/list_edges']);
});

test('changes in a workspace that is not shown, and sections that are closed, cost no request', async () => {
  const { client, calls } = clientOf(answerOf);
  const model = new EdgeModel(client);
  await model.refresh(null);
  calls.length = 0;
  await model.refresh([change('edge', 2)]);
  model.isOpen = name => name !== 'edges';
  await model.refresh([change('edge', 1)]);
  expect(calls).toEqual([]);
  await model.open('edges');
  expect(lastParts(calls)).toEqual(['pipelines/list_edges']);
});

test('an engine that is down is the state, and no list is asked', async () => {
  const down = {
    state: 'stopped',
    is_local: true,
    version: '0.1.0',
    engine_version: null,
    msg: 'It does not run.'
  };
  const { client, calls } = clientOf(() => down);
  const model = new EdgeModel(client);
  await expect(model.refresh(null)).rejects.toThrow('It does not run.');
  expect(model.engine.state).toBe('stopped');
  expect(calls).toHaveLength(1);
});

test('why an engine did not start is kept', async () => {
  const { client } = clientOf(({ path }) =>
    path.endsWith('start')
      ? refusal(503, { msg: 'The port is taken.', code: 503, state: 'stopped' })
      : { state: 'stopped', is_local: true, version: '0.1.0', engine_version: null, msg: null }
  );
  const { engine } = new EdgeModel(client);
  await engine.start();
  expect([engine.state, engine.message, engine.isStarting]).toEqual(['stopped', 'The port is taken.', false]);
});

test('rows of one request are told apart, the same way at each reading', async () => {
  const rows = [1, 2].map(() => ({ time: 5, check_failures: [], metadata: { partition: 'p' } }));
  const { client } = clientOf(call => (call.path.endsWith('get_logs') ? rows : answerOf(call)));
  const model = new EdgeModel(client);
  await model.refresh(null);
  await model.lists.log.refresh();
  expect(model.lists.log.items.map(({ key }) => key)).toEqual(['p/5/0', 'p/5/1']);
});

test('a filter takes rows away, and never the workspace that is shown', async () => {
  const { client, calls } = clientOf(call => {
    const isFiltered = call.path.endsWith('workspaces/list') && call.body.name_contains;
    return isFiltered ? { workspaces: [WORKSPACES[1]] } : answerOf(call);
  });
  const model = new EdgeModel(client);
  await model.refresh(null);
  await model.filter('second');
  await model.refresh(null);
  expect(model.workspace?.name).toBe('first');
  expect(model.lists.workspaces.items.map(({ name }) => name)).toEqual(['second']);
  const asked = calls.filter(({ body }) => body.name_contains === 'second').map(({ path }) => path);
  expect(asked).toContain('/user/a%40b/jupyter-edge/api/v1/api/models/list');
});

test('the log finds a pipeline also while the pipelines are closed', async () => {
  const model = new EdgeModel(clientOf(answerOf).client);
  const open = new Set<string>(['models']);
  model.isOpen = name => open.has(name);
  await model.refresh(null);
  expect(model.logName).toBeNull();
  open.add('log');
  await model.open('log');
  expect(model.logName).toBe('busy');
  expect(model.lists.log.items).toHaveLength(1);
});

test('a Jupyter server that refuses is not taken for an engine that does', async () => {
  const { engine } = new EdgeModel(clientOf(() => refusal(403, { message: 'Forbidden' })).client);
  await engine.refresh();
  expect([engine.state, engine.message]).toEqual(['forbidden', 'Forbidden']);
});

test('an engine that runs elsewhere is not offered to be started', async () => {
  const trans = nullTranslator.load('jupyter_edge');
  for (const is_local of [true, false]) {
    const lost = { state: 'unreachable', is_local, version: '0.1.0', engine_version: null, msg: 'Lost.' };
    const { engine } = new EdgeModel(clientOf(() => lost).client);
    await engine.refresh();
    expect(adviceFor(engine, trans).canStart).toBe(is_local);
  }
});

test('a workspace is found among more than one page of them', async () => {
  const many = Array.from({ length: 150 }, (_, index) => ({ id: index + 1, name: `w${index + 1}` }));
  const { client } = clientOf(call => {
    if (!call.path.endsWith('workspaces/list')) {
      return answerOf(call);
    }
    const start = Number(call.body.after ?? 0);
    const end = start + Number(call.body.limit);
    return { workspaces: many.slice(start, end), next: end < many.length ? String(end) : null };
  });
  const model = new EdgeModel(client);
  model.prefer(150);
  await Promise.all([model.refresh(null), model.refresh(null)]);
  expect(model.workspace?.name).toBe('w150');
});

test('a workspace that is gone takes its rows and its log with it', async () => {
  let workspaces = WORKSPACES;
  const { client } = clientOf(call =>
    call.path.endsWith('workspaces/list') ? { workspaces } : answerOf(call)
  );
  const model = new EdgeModel(client);
  await model.refresh(null);
  await model.chooseLog('idle');
  workspaces = WORKSPACES.slice(1);
  await model.refresh([{ ...change('workspace', null), action: 'deleted' }]);
  expect([model.workspaceId, model.logName]).toEqual([2, 'busy']);
});
