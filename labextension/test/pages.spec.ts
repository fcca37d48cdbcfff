import { nullTranslator } from '@jupyterlab/translation';
import { expect, test, vi } from 'vitest';

import { describe as inWords, isolated, newest, outcome, type IFigure } from '../src/charts/figure';
import { comingsOf, EdgeEvents, type IEdgeEvent } from '../src/model/edgeEvents';
import { EngineModel } from '../src/model/engine';
import { FleetPageModel, matches, summaryOf, type IFleetEdge } from '../src/model/fleetPage';
import { Pace } from '../src/model/pace';
import { PipelinePageModel } from '../src/model/pipelinePage';
import { Rates } from '../src/model/rates';
import { chosen, sorted } from '../src/model/sorting';
import { metricsOf, type ITimeBucket } from '../src/model/timings';
import { clientOf, refusal, type ICall } from './stand-ins';

const BUCKET: ITimeBucket = {
  time: 0,
  rows: 0,
  rows_per_second: 0,
  p50: null,
  p95: null,
  p99: null,
  check_failures: 0,
  requests: null,
  errors: null
};

const trans = nullTranslator.load('jupyter_edge');

const FIGURE: IFigure = {
  title: 'Latency',
  times: [0, 10, 20],
  seconds: 10,
  series: [{ name: 'p50', values: [1, 3, 2], color: '--c' }],
  format: value => `${value} ms`,
  empty: 'Nothing.'
};

test('a stretch that is not over counts for the time that it has lasted', () => {
  const buckets = [
    { ...BUCKET, rows: 20, requests: 10, errors: 1, check_failures: 5 },
    { ...BUCKET, time: 10_000, rows: 20, requests: null }
  ];
  const metrics = metricsOf({ bucket_seconds: 10, buckets }, 15_000);
  expect(metrics.rows).toEqual([2, 4]);
  expect(metrics.requests).toEqual([1, null]);
  expect(metrics.errors).toEqual([10, null]);
  expect(metrics.failures).toEqual([25, 0]);
  expect(metrics.times).toEqual([0, 10]);
});

test('a figure is told in words', () => {
  expect(inWords(FIGURE, trans)).toBe('Latency. p50: now 2 ms, from 1 ms to 3 ms.');
  const series = [{ name: 'p50', values: [null, null], color: '--c' }];
  expect(inWords({ ...FIGURE, series }, trans)).toBe('Latency: Nothing.');
});

test('a line without neighbours is shown by its point', () => {
  expect(isolated([1, null, 2, 3, null, 4])).toEqual([0, 5]);
  expect(newest([1, 2, null])).toBe(1);
  expect(newest([null])).toBeNull();
});

test('a count comes to its sum, a rate to its newest value', () => {
  const line = { name: 'n', values: [1, 2, null], color: '--c' };
  expect(outcome({ ...FIGURE, kind: 'bars' }, line)).toBe(3);
  expect(outcome(FIGURE, line)).toBe(2);
});

test('rates are of the last minute, and unknown before some seconds have passed', () => {
  const rates = new Rates();
  rates.note(new Map([['a', 100]]), 0);
  rates.note(new Map([['a', 130]]), 1000);
  expect(rates.perMinute('a')).toBeNull();
  rates.note(new Map([['a', 160]]), 60_000);
  expect(rates.perMinute('a')).toBe(60);
  rates.note(
    new Map([
      ['a', 160],
      ['b', 9]
    ]),
    120_000
  );
  expect(rates.perMinute('a')).toBe(0);
  expect(rates.perMinute('b')).toBeNull();
});

test('rows that are worth nothing come last, whichever way', () => {
  const rows = [{ v: 2 }, { v: null }, { v: 10 }];
  expect(sorted(rows, ({ v }) => v, false).map(({ v }) => v)).toEqual([2, 10, null]);
  expect(sorted(rows, ({ v }) => v, true).map(({ v }) => v)).toEqual([10, 2, null]);
  expect(sorted(['shop-10', 'shop-9'], name => name, false)).toEqual(['shop-9', 'shop-10']);
});

test('a column that is chosen twice is turned round', () => {
  const once = chosen({ column: 'name', isDescending: false }, 'rows');
  expect(once).toEqual({ column: 'rows', isDescending: false });
  expect(chosen(once, 'rows').isDescending).toBe(true);
});

const event = (id: number, seconds: number, kind: IEdgeEvent['kind']): IEdgeEvent => {
  return { id, edge_id: 'e', name: 'shop', kind, time: new Date(seconds * 1000).toISOString() };
};

test('events are counted in the stretch in which they were', () => {
  const events = [
    event(1, 15, 'joined'),
    event(2, 59, 'lost'),
    event(3, 58, 'back'),
    event(4, -5, 'removed')
  ];
  const { times, came, went } = comingsOf(events, 60, 6, 60_000);
  expect(times).toEqual([0, 10, 20, 30, 40, 50]);
  expect(came).toEqual([0, 1, 0, 0, 0, 1]);
  expect(went).toEqual([0, 0, 0, 0, 0, 1]);
});

test('only events that are new are read again', async () => {
  const all = [event(2, 20, 'lost'), event(1, 20, 'joined')];
  const { client, calls } = clientOf(() => ({ events: all }));
  const events = new EdgeEvents(client);
  await events.refresh();
  all.unshift(event(3, 20, 'back'));
  await events.refresh();
  expect(events.items.map(({ id }) => id)).toEqual([3, 2, 1]);
  expect(calls.map(({ body }) => body.since)).toEqual([undefined, '1970-01-01T00:00:19.999Z']);
});

const edgeOf = (name: string, more: Partial<IFleetEdge> = {}): IFleetEdge => ({
  id: name,
  name,
  tags: ['north'],
  pipeline_version_id: 1,
  pipeline_publish_id: 1,
  joined_at: null,
  last_seen: null,
  state: 'online',
  agent_version: null,
  pipeline_version: null,
  rows: 0,
  backlog_rows: null,
  dropped_rows: 0,
  pipeline: 'fraud',
  rate: null,
  ...more
});

test('a fleet is summed up', () => {
  const edges = [
    edgeOf('a', { backlog_rows: 3, rate: 1.5 }),
    edgeOf('b', { state: 'lost', dropped_rows: 2, rate: 1 })
  ];
  const { states, ...sums } = summaryOf(edges);
  expect(states).toEqual({ online: 1, late: 0, lost: 1, waiting: 0, stopped: 0 });
  expect(sums).toEqual({ backlog: 3, lost: 2, rate: 2.5 });
  expect(summaryOf([edgeOf('a')]).rate).toBeNull();
});

test.each(['SHOP', 'frau', 'orth'])('an edge is found by %s', text => {
  expect(matches(edgeOf('shop'), text)).toBe(true);
  expect(matches(edgeOf('shop'), `${text}?`)).toBe(false);
});

test('all pages of edges are read, and only they where only they changed', async () => {
  const answers: Record<string, (call: ICall) => unknown> = {
    list_edges: ({ body }) =>
      body.after
        ? { edges: [edgeOf('b')], next: null, total: 2 }
        : { edges: [edgeOf('a')], next: '1', total: 2 },
    list_publishes: () => ({ publishes: [{ id: 1, pipeline_name: 'fraud' }], next: null }),
    events: () => ({ events: [] }),
    status: () => ({ state: 'running' })
  };
  const { client, calls } = clientOf(call => answers[call.path.split('/').pop() ?? '']?.(call));
  const page = new FleetPageModel(client, new EngineModel(client));
  await page.refresh(null);
  expect(page.edges.map(({ name, pipeline }) => [name, pipeline])).toEqual([
    ['a', 'fraud'],
    ['b', 'fraud']
  ]);
  calls.length = 0;
  await page.refresh([{ kind: 'log', id: 1, action: 'changed', workspace_id: 1 }]);
  expect(calls.map(({ path }) => path.split('/').pop())).toEqual(['list_edges', 'list_edges']);
});

test('a page that cannot be read says why, and reads everything once it can', async () => {
  let isDown = true;
  const pipeline = { id: 1, name: 'p', workspace_id: 1, versions: [], steps: [], deployment: { id: 5 } };
  const answers: Record<string, unknown> = {
    get: pipeline,
    get_deployment: refusal(404, { msg: 'p-5 is not deployed', code: 404 }),
    timings: { bucket_seconds: 10, buckets: [] },
    list_publishes_for_pipeline: { publishes: [] },
    list_edges: { edges: [] },
    get_logs: [],
    status: { state: 'running' }
  };
  const { client, calls } = clientOf(({ path }) =>
    isDown
      ? refusal(503, { msg: 'The engine is stopped', state: 'stopped' })
      : answers[path.split('/').pop() ?? '']
  );
  const page = new PipelinePageModel(client, new EngineModel(client), 1);
  await expect(page.refresh(null)).rejects.toThrow('The engine is stopped');
  expect(page.error?.message).toBe('The engine is stopped');
  isDown = false;
  await page.refresh([{ kind: 'job', id: 1, action: 'changed', workspace_id: null }]);
  expect(page.error).toBeNull();
  expect(page.pipeline?.name).toBe('p');
  expect(page.status).toBeNull();
  calls.length = 0;
  await page.refresh([{ kind: 'log', id: 2, action: 'changed', workspace_id: 1 }]);
  expect(calls).toEqual([]);
});

test('what is asked for during work is done together, after a pause', async () => {
  vi.useFakeTimers();
  const done: number[][] = [];
  const pace = new Pace<number>(asked => Promise.resolve(void done.push(asked)), 1000);
  await pace.ask(1);
  const both = Promise.all([pace.ask(2), pace.ask(3)]);
  await vi.advanceTimersByTimeAsync(900);
  expect(done).toEqual([[1]]);
  await vi.advanceTimersByTimeAsync(200);
  await both;
  expect(done).toEqual([[1], [2, 3]]);
  vi.useRealTimers();
});
