import { expect, test } from 'vitest';

import { codeOf, withExtension } from '../src/files/code';
import { kindOf } from '../src/files/kinds';

test('a pipeline that is not deployed gets the cell that deploys it', () => {
  const code = codeOf({ kind: 'pipeline', name: 'card-fraud', isDeployed: false }, 'quickstart');
  expect(code).toBe('%edge deploy card-fraud --workspace quickstart');
});

test('a publish is served by its id', () => {
  const code = codeOf({ kind: 'publish', id: 7, pipeline: 'card-fraud' }, 'w');
  expect(code).toBe('%edge serve card-fraud --publish 7 --workspace w');
});

test('an edge gets the rows that it answered', () => {
  const code = codeOf({ kind: 'edge', name: 'shop-7', pipeline: 'card-fraud' }, 'w');
  expect(code).toContain('%edge logs card-fraud --workspace w');
  expect(code).toContain('log["metadata.partition"] == "shop-7"');
});

test('a model is had by Python, which needs no extension', () => {
  const code = codeOf({ kind: 'model', name: 'ccfraud' }, 'My "own" space');
  expect(code).toContain('client.get_workspace("My \\"own\\" space")');
  expect(withExtension(code, [])).toBe(code);
});

test('no word of a workspace is taken for a variable, an option or two words', () => {
  const code = codeOf({ kind: 'pipeline', name: 'p', isDeployed: false }, 'a "b" {c} $d');
  expect(code).toBe('%edge deploy p --workspace "a \\"b\\" {{c}} $$d"');
});

test('the extension is loaded once in a notebook', () => {
  expect(withExtension('%edge status', ['1 + 1'])).toBe('%load_ext jupyter_edge\n%edge status');
  expect(withExtension('%edge status', ['import os\n%load_ext jupyter_edge'])).toBe('%edge status');
  expect(withExtension('%edge status', ['# %load_ext jupyter_edge_other'])).toContain('%load_ext');
  expect(withExtension('%edge status', ['%load_ext jupyter_edge.compat'])).toContain(
    '%load_ext jupyter_edge\n'
  );
});

test.each([
  ['a.onnx', 'model'],
  ['A.ONNX', 'model'],
  ['b.arrow', 'data'],
  ['b.json', 'data'],
  ['onnx', null],
  ['c.onnx.zip', null],
  ['d', null]
])('%s is %s', (name, kind) => {
  expect(kindOf(name)).toBe(kind);
});
