import type { EdgeClient } from './client';
import type { IPipeline } from './types';

/** What a pipeline is made of: the ids of the models of its steps, in the order in which they run. */
export interface INewPipeline {
  name: string;
  models: readonly number[];
}

interface IModelVersion {
  model_id: string;
  model_version: string;
  sha: string;
}

/** Whether a workspace has a pipeline of a name, which would get another version instead of being made. */
export async function hasPipeline(client: EdgeClient, workspace_id: number, name: string): Promise<boolean> {
  const body = { workspace_id, name, limit: 1 };
  const { pipelines } = await client.call<{ pipelines: IPipeline[] }>('pipelines/list', body);
  return pipelines.length > 0;
}

/** Make a pipeline of the newest version of each model. */
export async function createPipeline(
  client: EdgeClient,
  workspace_id: number,
  { name, models }: INewPipeline
): Promise<void> {
  const steps = await Promise.all(models.map(id => stepOf(client, id)));
  await client.call('pipelines/create', { pipeline_id: name, workspace_id, definition: { id: name, steps } });
}

async function stepOf(client: EdgeClient, models_pk_id: number): Promise<object> {
  const versions = await client.call<IModelVersion[]>('models/list_versions', { models_pk_id });
  const newest = versions.slice(-1).map(version => ({
    name: version.model_id,
    version: version.model_version,
    sha: version.sha
  }));
  return { ModelInference: { models: newest } };
}
