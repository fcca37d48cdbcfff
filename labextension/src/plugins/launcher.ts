import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { ILauncher } from '@jupyterlab/launcher';
import { ServerConnection, type Contents, type ServiceManager } from '@jupyterlab/services';

import { quickstart } from '../files/quickstart';
import { IEdgePanel } from '../tokens';
import { edgeIcon } from '../ui/icons';
import { notifyError } from '../ui/notify';
import { commandId } from '../ui/section';

const QUICKSTART = commandId('quickstart');

const launcher: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-edge:launcher',
  description: 'Adds cards to the launcher: the panel, and a notebook to begin with.',
  autoStart: true,
  requires: [IEdgePanel],
  optional: [ILauncher, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    edge: IEdgePanel,
    cards: ILauncher | null,
    palette: ICommandPalette | null
  ): void => {
    const { trans } = edge;
    addQuickstart(app, edge);
    cards?.add({ command: QUICKSTART, category: trans.__('Other'), rank: 4 });
    cards?.add({ command: commandId('show'), category: trans.__('Other'), rank: 5 });
    palette?.addItem({ command: QUICKSTART, category: trans.__('Edge'), args: { isPalette: true } });
  }
};

export default launcher;

function addQuickstart({ commands, serviceManager }: JupyterFrontEnd, { trans }: IEdgePanel): void {
  commands.addCommand(QUICKSTART, {
    label: args => (args.isPalette ? trans.__('New Edge Quickstart Notebook') : trans.__('Edge Quickstart')),
    caption: trans.__('Make a notebook that uploads, deploys and publishes a sample model, and open it'),
    icon: args => (args.isPalette ? undefined : edgeIcon),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          cwd: { type: 'string', description: trans.__('The folder that the notebook is made in') }
        }
      }
    },
    execute: async args => {
      try {
        const { contents } = serviceManager;
        const content = quickstart(trans, await pythonOf(serviceManager));
        const made = await newNotebook(contents, typeof args.cwd === 'string' ? args.cwd : '');
        await contents.save(made, { type: 'notebook', format: 'json', content });
        await commands.execute('docmanager:open', { path: made });
      } catch (error) {
        notifyError(error, trans);
      }
    }
  });
}

/**
 * Return the path of a notebook to be made in a folder; where the good name is taken, one that Jupyter gives.
 *
 * A notebook that was renamed would be missed by a file browser that lists the folder meanwhile.
 */
async function newNotebook(contents: Contents.IManager, folder: string): Promise<string> {
  const wanted = PathExt.join(folder, 'edge-quickstart.ipynb');
  try {
    await contents.get(wanted, { content: false });
  } catch (error) {
    if (error instanceof ServerConnection.ResponseError && error.response.status === 404) {
      return wanted;
    }
    throw error;
  }
  return (await contents.newUntitled({ path: folder, type: 'notebook' })).path;
}

/** Return the name of a Python kernel: the server's default one, if it is Python. */
async function pythonOf({ kernelspecs }: ServiceManager.IManager): Promise<string> {
  await kernelspecs.ready;
  const { default: first = 'python3', kernelspecs: all = {} } = kernelspecs.specs ?? {};
  const isPython = (name: string): boolean => all[name]?.language === 'python';
  return [first, ...Object.keys(all)].find(isPython) ?? first;
}
