import { checkIcon, addIcon } from '@jupyterlab/ui-components';

import type { IWorkspace } from '../model/types';
import { askForName, askToRemove } from '../ui/ask';
import type { IPanelCommand } from '../commands';
import type { IContext, ISection } from '../ui/section';
import { ago, moment } from '../ui/words';

/** Workspaces: which there are, and which is shown. */
export function workspaces(context: IContext): ISection<IWorkspace> {
  const { model, trans } = context;
  return {
    name: 'workspaces',
    title: trans.__('Workspaces'),
    list: model.lists.workspaces,
    key: ({ id }) => String(id),
    face: item => ({
      title: item.name,
      subtitle: [
        trans._n('%1 model', '%1 models', item.models.length),
        trans._n('%1 pipeline', '%1 pipelines', item.pipelines.length)
      ].join(' · '),
      aside: ago(item.created_at),
      state: item.id === model.workspaceId ? trans.__('shown') : undefined,
      tone: item.id === model.workspaceId ? 'good' : 'idle'
    }),
    details: item => [
      [trans.__('Id'), item.id],
      [trans.__('Created'), moment(item.created_at)]
    ],
    primary: 'switch-workspace',
    actions: [
      {
        id: 'switch-workspace',
        label: trans.__('Show Workspace'),
        caption: trans.__('Show the models, pipelines and edges of this workspace'),
        icon: checkIcon,
        isQuick: true,
        isOffered: ({ id }) => id !== model.workspaceId,
        run: ({ id }) => model.choose(id)
      },
      {
        id: 'delete-workspace',
        label: trans.__('Delete Workspace…'),
        caption: trans.__('Delete this workspace; one that holds something is kept'),
        run: async ({ id, name }) => {
          const body = trans.__('Only an empty workspace can be deleted.');
          if (
            await askToRemove(context, trans.__('Delete workspace “%1”?', name), body, trans.__('Delete'))
          ) {
            await model.client.call('workspaces/delete', { id });
            await model.refresh(null);
          }
        }
      }
    ],
    empty: () => ({
      what: trans.__('There is no workspace yet.'),
      next: trans.__('A workspace holds models and pipelines that belong together.'),
      command: 'new-workspace'
    }),
    toolbar: ['new-workspace']
  };
}

/** Make a workspace and show it. */
export function newWorkspace({ model, trans }: IContext): IPanelCommand {
  return {
    id: 'new-workspace',
    label: trans.__('New Workspace…'),
    caption: trans.__('Make a workspace and show it'),
    icon: addIcon,
    isEnabled: () => model.engine.isRunning,
    run: async () => {
      const workspace_name = await askForName(
        trans,
        trans.__('New workspace'),
        trans.__('Name'),
        trans.__('Create')
      );
      if (workspace_name) {
        const made = await model.client.call<{ workspace_id: number }>('workspaces/create', {
          workspace_name
        });
        await model.places.refresh();
        await model.choose(made.workspace_id);
      }
    }
  };
}
