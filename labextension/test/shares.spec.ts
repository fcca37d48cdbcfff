import { expect, test } from 'vitest';

import { Shares } from '../src/model/shares';

const NAMES = ['models', 'pipelines', 'edges', 'log'];
const among =
  (...open: string[]) =>
  (name: string) =>
    open.includes(name);

test('sections that are open share the height evenly, and those that are closed take none', () => {
  const shares = new Shares(NAMES);
  expect(shares.sizes(among('models', 'edges'))).toEqual([1, 0, 1, 0]);
});

test('a section keeps the size it was given by hand, and one opened later gets a fair share', () => {
  const shares = new Shares(NAMES);
  const open = among('models', 'edges');
  shares.keep([0.75, 0, 0.25, 0], open);
  expect(shares.sizes(open)).toEqual([1.5, 0, 0.5, 0]);
  expect(shares.sizes(among('models', 'edges', 'log'))).toEqual([1.5, 0, 0.5, 1]);
});

test('a section that was drawn to nothing comes back large enough to be seen', () => {
  const shares = new Shares(NAMES);
  shares.keep([1, 0, 0, 0], among('models', 'edges'));
  expect(shares.sizes(among('edges'))).toEqual([0, 0, 0.2, 0]);
});

test('sizes before anything is laid out say nothing', () => {
  const shares = new Shares(NAMES);
  shares.keep([0, 0, 0, 0], among('models'));
  expect(shares.weights).toEqual({});
});
