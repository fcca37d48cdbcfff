import { expect, test } from 'vitest';

import { curlFor } from '../src/model/inference';
import type { IPipeline } from '../src/model/types';
import { modelNameOf } from '../src/model/upload';
import { compareVersions } from '../src/model/versions';

test.each([
  ['yolov8n.onnx', 'yolov8n'],
  ['My Model (2).ONNX', 'my-model-2'],
  ['---.onnx', 'model']
])('the model in %s is called %s', (file, name) => {
  expect(modelNameOf(file)).toBe(name);
});

test('equal versions need no advice', () => {
  expect(compareVersions('0.1.0', '0.1.0')).toBeNull();
});

test.each([
  ['0.9.0', '0.10.0'],
  ['0.10.0', '0.9.0']
])('%s and %s are mended by the newer', (one, other) => {
  expect(compareVersions(one, other)?.pip).toContain('jupyter-edge==0.10.0');
});

test('curl asks the deployment itself, with the token of the shell', () => {
  const pipeline = { deployment: { url: 'http://127.0.0.1:9/pipelines/p' } } as IPipeline;
  expect(curlFor(pipeline)).toContain("'http://127.0.0.1:9/pipelines/p'");
  expect(curlFor(pipeline)).toContain('Bearer $JUPYTER_EDGE_TOKEN');
});
