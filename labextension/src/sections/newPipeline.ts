import { addIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { IPanelCommand } from '../commands';
import { settle } from '../files/settle';
import { createPipeline, hasPipeline, type INewPipeline } from '../model/newPipeline';
import type { IModel, IWorkspace } from '../model/types';
import { askForPipeline } from '../ui/askForPipeline';
import { commandId, type IContext } from '../ui/section';

/** Make a pipeline of models of the workspace that is shown; what is not given is asked for. */
export function newPipeline(context: IContext): IPanelCommand {
  const { model, commands, trans } = context;
  return {
    id: 'new-pipeline',
    label: trans.__('New Pipeline…'),
    caption: trans.__('Make a pipeline that runs models of the workspace one after the other'),
    icon: addIcon,
    args: {
      name: { type: 'string', description: trans.__('The pipeline’s name; asked for where it is left out') },
      models: {
        type: 'array',
        items: { type: 'string' },
        description: trans.__(
          'Names of the models, in the order in which they run; asked for where they are left out'
        )
      }
    },
    isEnabled: () => model.engine.isRunning,
    run: async args => {
      const workspace = await settle(context);
      const wanted = await wantedOf(context, workspace, args);
      if (wanted === null) {
        return;
      }
      if (await hasPipeline(model.client, workspace.id, wanted.name)) {
        throw new Error(
          trans.__(
            'Workspace “%1” has a pipeline “%2” already: use another name.',
            workspace.name,
            wanted.name
          )
        );
      }
      await createPipeline(model.client, workspace.id, wanted);
      await commands.execute(commandId('open-section'), { section: 'pipelines' });
      await model.lists.pipelines.refresh();
    }
  };
}

/** Return what is to be made: as it is given, or as the user says; null where nothing is. */
async function wantedOf(
  { model, trans }: IContext,
  { id, name: workspace }: IWorkspace,
  args: ReadonlyPartialJSONObject
): Promise<INewPipeline | null> {
  const models = await model.client.all<IModel>('models/list', 'models', { workspace_id: id });
  const [newest] = models;
  if (newest === undefined) {
    throw new Error(trans.__('Workspace “%1” has no model: upload one to make a pipeline of it.', workspace));
  }
  const name = typeof args.name === 'string' ? args.name : '';
  const given = (Array.isArray(args.models) ? args.models : []).map(wanted => {
    const found = models.find(one => one.name === wanted);
    if (found === undefined) {
      throw new Error(
        trans.__('Workspace “%1” has no model “%2”: upload it first.', workspace, String(wanted))
      );
    }
    return found.id;
  });
  return name && given.length > 0
    ? { name, models: given }
    : askForPipeline(trans, models, { name, models: given.length > 0 ? given : [newest.id] }, wanted =>
        hasPipeline(model.client, id, wanted)
      );
}
