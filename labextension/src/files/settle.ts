import type { IWorkspace } from '../model/types';
import type { IContext } from '../ui/section';

/**
 * Return the workspace that is shown, also where the panel was not opened yet; the engine is started if it does not run.
 *
 * @throws Error if there is no engine, with the reason, or no workspace.
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
  const { workspace } = model;
  if (workspace === null) {
    throw new Error(trans.__('There is no workspace: make one in the Edge panel first.'));
  }
  return workspace;
}
