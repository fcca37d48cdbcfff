import { expect, test } from 'vitest';

import { ListModel, PAGE } from '../src/model/list';
import type { IPage, IPageRequest } from '../src/model/types';

/** A list of numbered rows, as an engine pages it. */
class Numbers {
  constructor(public count: number) {}

  requests: IPageRequest[] = [];
  failing = false;

  readonly page = (request: IPageRequest): Promise<IPage<number>> => {
    this.requests.push(request);
    if (this.failing) {
      return Promise.reject(new Error('down'));
    }
    const all = Array.from({ length: this.count }, (_, index) => index).filter(row =>
      String(row).includes(request.filter)
    );
    const start = Number(request.after ?? 0);
    const items = all.slice(start, start + request.limit);
    const next = start + request.limit < all.length ? String(start + request.limit) : null;
    return Promise.resolve({ items, next, total: all.length });
  };
}

test('a list begins with one page, whatever it holds', async () => {
  const numbers = new Numbers(5000);
  const list = new ListModel(numbers.page);
  await list.refresh();
  expect(list.items).toHaveLength(PAGE);
  expect(list.total).toBe(5000);
  expect(list.hasMore).toBe(true);
  expect(numbers.requests).toHaveLength(1);
});

test('a row is found that is not read yet, or that the filter hides', async () => {
  const numbers = new Numbers(5000);
  const list = new ListModel(numbers.page);
  await list.refresh();
  expect(await list.find(row => row === 99)).toBe(99);
  expect(numbers.requests).toHaveLength(1);
  list.filter = '12';
  await list.refresh();
  expect(await list.find(row => row === 4567)).toBe(4567);
  expect(await list.find(row => row === 5000)).toBeUndefined();
  expect(list.items).toContain(12);
  expect(list.items).not.toContain(4567);
});

test('a list grows to its end in few requests, each for other rows', async () => {
  const numbers = new Numbers(5000);
  const list = new ListModel(numbers.page);
  await list.refresh();
  await list.grow();
  expect(list.items).toHaveLength(200);
  while (list.hasMore) {
    await list.grow();
  }
  expect(list.items).toEqual(Array.from({ length: 5000 }, (_, index) => index));
  await list.grow();
  expect(numbers.requests.map(({ after, limit }) => [Number(after), limit])).toEqual([
    [0, 100],
    [100, 100],
    [200, 200],
    [400, 400],
    [800, 800],
    [1600, 1000],
    [2600, 1000],
    [3600, 1000],
    [4600, 1000]
  ]);
});

test('what was scrolled to stays when the list is read again', async () => {
  const numbers = new Numbers(250);
  const list = new ListModel(numbers.page);
  await list.refresh();
  await list.grow();
  numbers.count = 260;
  await list.refresh();
  expect(list.items).toHaveLength(200);
  expect(list.total).toBe(260);
});

test('a list never shows fewer rows because more changes come while it is read again', async () => {
  const numbers = new Numbers(3000);
  const list = new ListModel(numbers.page);
  await list.refresh();
  while (list.hasMore) {
    await list.grow();
  }
  const lengths: number[] = [];
  list.changed.connect(() => lengths.push(list.items.length));
  await Promise.all([list.refresh(), list.refresh()]);
  expect(lengths).toEqual([3000, 3000]);
});

test('a list may end before its rows do, and says so', async () => {
  const numbers = new Numbers(20_000);
  const list = new ListModel(numbers.page, 1000);
  await list.refresh();
  expect(list.isCut).toBe(false);
  while (list.hasMore) {
    await list.grow();
  }
  expect(list.items).toHaveLength(1000);
  expect(list.isCut).toBe(true);
  numbers.requests = [];
  await list.refresh();
  expect(list.items).toHaveLength(1000);
  expect(numbers.requests).toHaveLength(1);
});

test('a filter that changes while a list is read does not mix with what was asked before', async () => {
  const numbers = new Numbers(1000);
  const list = new ListModel(numbers.page);
  const reading = list.refresh();
  list.filter = '99';
  await Promise.all([reading, list.refresh()]);
  expect(list.items.every(row => String(row).includes('99'))).toBe(true);
});

test('refreshes that come during one are joined into one more', async () => {
  const numbers = new Numbers(1);
  const list = new ListModel(numbers.page);
  await Promise.all([list.refresh(), list.refresh(), list.refresh(), list.refresh()]);
  expect(numbers.requests).toHaveLength(2);
});

test('a reading ends, however often others are asked for meanwhile', async () => {
  const numbers = new Numbers(5);
  const asked: Array<Promise<void>> = [];
  const list = new ListModel(async request => {
    await Promise.resolve();
    if (asked.length < 100) {
      asked.push(list.refresh());
    }
    return numbers.page(request);
  });
  await list.refresh();
  expect(numbers.requests.length).toBeLessThan(4);
  for (const reading of asked) {
    await reading; // and asks for the next
  }
  expect(numbers.requests).toHaveLength(101);
});

test('a filter is the next question, and starts from the first page', async () => {
  const numbers = new Numbers(3000);
  const list = new ListModel(numbers.page);
  await list.refresh();
  list.filter = '299';
  await list.refresh();
  expect(list.items).toEqual([299, 1299, 2299, ...Array.from({ length: 10 }, (_, index) => 2990 + index)]);
  expect(numbers.requests.at(-1)).toEqual({ limit: PAGE, after: null, filter: '299' });
});

test('rows stay while a reading fails, and the error goes with the next that does not', async () => {
  const numbers = new Numbers(3);
  const list = new ListModel(numbers.page);
  await list.refresh();
  numbers.failing = true;
  await list.refresh();
  expect(list.items).toEqual([0, 1, 2]);
  expect(list.error?.message).toBe('down');
  numbers.failing = false;
  await list.refresh();
  expect(list.error).toBeNull();
});

test('an answer for a list that was cleared meanwhile is not shown', async () => {
  const answers: Array<(page: IPage<string>) => void> = [];
  const list = new ListModel<string>(() => new Promise(resolve => answers.push(resolve)));
  const reading = list.refresh();
  list.clear();
  answers[0]?.({ items: ['of the workspace before'], next: null, total: 1 });
  await Promise.resolve();
  await Promise.resolve();
  expect(list.items).toEqual([]);
  answers[1]?.({ items: ['of this one'], next: null, total: 1 });
  await reading;
  expect(list.items).toEqual(['of this one']);
});
