import type { IEdge, IModel, IPipeline, IPublish } from '../model/types';
import type { EdgeModel } from '../model/edge';
import type { IContext } from '../ui/section';
import { codeOf, type Thing } from './code';

/** The sections whose rows a cell can be about. */
export interface IRowsWithCode {
  models: IModel;
  pipelines: IPipeline;
  publishes: IPublish;
  edges: IEdge;
}

export type SectionWithCode = keyof IRowsWithCode;

type Find = { [Name in SectionWithCode]: (row: IRowsWithCode[Name], model: EdgeModel) => Promise<Thing> };

const THINGS: Find = {
  models: ({ name }) => Promise.resolve({ kind: 'model', name }),
  pipelines: ({ name, deployment }) =>
    Promise.resolve({ kind: 'pipeline', name, isDeployed: deployment?.deployed === true }),
  publishes: publish =>
    Promise.resolve({ kind: 'publish', id: publish.id, pipeline: pipelineNameOf(publish) }),
  edges: async ({ name, pipeline_publish_id: id }, model) => {
    const known = model.lists.publishes.items.find(publish => publish.id === id);
    const publish = known ?? (await model.client.call<IPublish>('pipelines/get_publish_status', { id }));
    return { kind: 'edge', name, pipeline: pipelineNameOf(publish) };
  }
};

export function hasCode(section: string): section is SectionWithCode {
  return section in THINGS;
}

/** Return the code of a cell for a row of the workspace that is shown. */
export async function codeOfRow<Name extends SectionWithCode>(
  { model }: IContext,
  section: Name,
  row: IRowsWithCode[Name]
): Promise<string> {
  const workspace = model.workspace?.name ?? '';
  return codeOf(await THINGS[section](row, model), workspace);
}

/** Return the code of the row that an element stands for, as a promise; null where there is none. */
export function codeOfElement(context: IContext, element: Element): Promise<string> | null {
  const key = element.closest<HTMLElement>('[role="row"]')?.dataset.key;
  const section = element.closest('.jp-Edge-section')?.id.replace('jupyter-edge-', '') ?? '';
  if (key === undefined || !hasCode(section)) {
    return null;
  }
  const rows: ReadonlyArray<IRowsWithCode[typeof section]> = context.model.lists[section].items;
  const row = rows.find(({ id }) => String(id) === key);
  return row === undefined ? null : codeOfRow(context, section, row);
}

/** A publish's address ends with the pipeline's name and version. */
function pipelineNameOf({ pipeline_url }: IPublish): string {
  return pipeline_url?.split('/').pop()?.split(':')[0] ?? '';
}
