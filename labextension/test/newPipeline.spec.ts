import { expect, test } from 'vitest';

import { createPipeline, hasPipeline } from '../src/model/newPipeline';
import { clientOf, refusal, type ICall } from './stand-ins';

const VERSIONS: Record<number, object[]> = {
  7: [
    { model_id: 'first', model_version: 'old', sha: 'a' },
    { model_id: 'first', model_version: 'new', sha: 'b' }
  ],
  8: [{ model_id: 'second', model_version: 'only', sha: 'c' }]
};

function answerOf({ path, body }: ICall): unknown {
  const answers: Record<string, unknown> = {
    'models/list_versions': VERSIONS[Number(body.models_pk_id)],
    'pipelines/list': { pipelines: body.name === 'taken' ? [{ id: 3, name: 'taken' }] : [] },
    'pipelines/create': { pipeline_pk_id: 5 }
  };
  return Object.entries(answers).find(([end]) => path.endsWith(end))?.[1] ?? refusal(404, { msg: path });
}

test('a pipeline runs the newest version of each model, in their order', async () => {
  const { client, calls } = clientOf(answerOf);
  await createPipeline(client, 1, { name: 'both', models: [8, 7] });
  const made = calls.filter(({ path }) => path.endsWith('pipelines/create')).map(({ body }) => body);
  expect(made).toEqual([
    {
      pipeline_id: 'both',
      workspace_id: 1,
      definition: {
        id: 'both',
        steps: [
          { ModelInference: { models: [{ name: 'second', version: 'only', sha: 'c' }] } },
          { ModelInference: { models: [{ name: 'first', version: 'new', sha: 'b' }] } }
        ]
      }
    }
  ]);
});

test('a name that is taken is seen in the workspace alone', async () => {
  const { client, calls } = clientOf(answerOf);
  expect(await hasPipeline(client, 1, 'taken')).toBe(true);
  expect(await hasPipeline(client, 1, 'both')).toBe(false);
  expect(calls.map(({ body }) => body.workspace_id)).toEqual([1, 1]);
});
