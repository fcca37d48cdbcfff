import type { IWorkspace } from '../model/types';
import type { IContext } from '../ui/section';

/** What a notebook's client calls the workspace that it makes where there is none. */
const FIRST = 'default';

/**
 * Return the workspace that is shown, also where the panel was not opened yet. The engine is started if it does not run,
 * and a first workspace is made.
 *
 * @throws Error if there is no engine, with the reason.
 */
export async function settle({ model, trans }: IContext): Promise<IWorkspace> {
  if (!model.engine.isRunning) {
    await model.engine.refresh();
  }
  if (!model.engine.isRunning) {
    await model.engine.start();
  }
  if (model.workspace === null) {
    await model.refresh(null);
  }
  if (model.workspace === null && model.engine.isRunning) {
    const made = await model.client.call<{ workspace_id: number }>('workspaces/create', {
      workspace_name: FIRST
    });
    await model.choose(made.workspace_id);
  }
  const { workspace } = model;
  if (workspace === null) {
    throw new Error(trans.__('There is no workspace: make one in the Edge panel first.'));
  }
  return workspace;
}
