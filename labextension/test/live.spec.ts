import { Signal } from '@lumino/signaling';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { changeOf, Live, SCHEMA, type IEmission } from '../src/model/live';
import type { IChange } from '../src/model/types';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const event = (kind: string, id: number | null = 1): IEmission => ({
  schema_id: SCHEMA,
  kind,
  id,
  action: 'changed',
  workspace_id: null
});

function scene(
  refresh = vi.fn<(changes: readonly IChange[] | null) => Promise<void>>(() => Promise.resolve())
) {
  const stream = new Signal<object, IEmission>({});
  const place = { isVisible: true };
  const glance = vi.fn(() => Promise.resolve());
  const live = new Live({ stream, refresh, glance, isVisible: () => place.isVisible, seconds: 30 });
  return { stream, place, live, refresh, glance };
}

test('events that come together are told together', async () => {
  const { stream, refresh } = scene();
  stream.emit(event('job'));
  stream.emit(event('deployment', 2));
  await vi.advanceTimersByTimeAsync(100);
  expect(refresh).toHaveBeenCalledTimes(1);
  expect(refresh.mock.calls[0]?.[0]?.map(({ kind, id }) => [kind, id])).toEqual([
    ['job', 1],
    ['deployment', 2]
  ]);
});

test('an event that says that others may be lost asks for everything', async () => {
  const { stream, refresh } = scene();
  stream.emit(event('model'));
  stream.emit(event('all', null));
  await vi.advanceTimersByTimeAsync(100);
  expect(refresh.mock.calls).toEqual([[null]]);
});

test('what others say on the bus is passed over', () => {
  expect(changeOf({ schema_id: 'https://events.jupyter.org/x', kind: 'model' })).toBeNull();
  expect(changeOf({ schema_id: SCHEMA })).toBeNull();
});

test('nothing but the engine is looked at while nobody looks, and everything once the panel shows', async () => {
  const { stream, place, live, refresh, glance } = scene();
  place.isVisible = false;
  await live.start();
  await vi.advanceTimersByTimeAsync(1);
  expect(glance).toHaveBeenCalledTimes(1);
  stream.emit(event('model'));
  await vi.advanceTimersByTimeAsync(100);
  expect(refresh).not.toHaveBeenCalled();
  place.isVisible = true;
  await live.show();
  await vi.advanceTimersByTimeAsync(1);
  expect(refresh.mock.calls).toEqual([[null]]);
  await live.show();
  await vi.advanceTimersByTimeAsync(1);
  expect(refresh).toHaveBeenCalledTimes(1);
});

test('an engine that comes or goes is looked at although nobody looks', async () => {
  const { stream, place, refresh, glance } = scene();
  place.isVisible = false;
  stream.emit(event('all', null));
  await vi.advanceTimersByTimeAsync(100);
  expect(glance).toHaveBeenCalledTimes(1);
  expect(refresh).not.toHaveBeenCalled();
});

test('the poll makes up for lost events, and slows down while it fails', async () => {
  const { live, refresh } = scene(vi.fn(() => Promise.reject(new Error('down'))));
  await live.start();
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  const calls = refresh.mock.calls.length;
  expect(calls).toBeGreaterThan(1);
  expect(calls).toBeLessThan(15);
  live.dispose();
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  expect(refresh.mock.calls).toHaveLength(calls);
});

test('a fleet that beats two hundred times a second is looked at once a second, and a model at once', async () => {
  const { stream, refresh } = scene();
  for (let beat = 0; beat < 1000; beat++) {
    stream.emit(event('edge', beat));
    await vi.advanceTimersByTimeAsync(5);
  }
  expect(refresh.mock.calls.length).toBeGreaterThan(3);
  expect(refresh.mock.calls.length).toBeLessThan(8);
  refresh.mockClear();
  stream.emit(event('edge', null));
  stream.emit(event('model'));
  await vi.advanceTimersByTimeAsync(50);
  expect(refresh.mock.calls.map(([changes]) => changes?.map(({ kind }) => kind))).toContainEqual(['model']);
});

test('another time between readings holds at once, up to the longest that the settings take', async () => {
  const { live, refresh } = scene();
  await live.start();
  live.seconds = 3600;
  await vi.advanceTimersByTimeAsync(100);
  refresh.mockClear();
  await vi.advanceTimersByTimeAsync(3_000_000);
  expect(refresh).not.toHaveBeenCalled();
  live.seconds = 5;
  await vi.advanceTimersByTimeAsync(16_000);
  expect(refresh.mock.calls.length).toBeGreaterThanOrEqual(3);
});
