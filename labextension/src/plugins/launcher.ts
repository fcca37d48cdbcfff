import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILauncher } from '@jupyterlab/launcher';

import { IEdge } from '../tokens';
import { commandId } from '../ui/section';

const launcher: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-edge:launcher',
  description: 'Adds a card to the launcher.',
  autoStart: true,
  requires: [IEdge],
  optional: [ILauncher],
  activate: (_app: JupyterFrontEnd, { trans }: IEdge, cards: ILauncher | null): void => {
    cards?.add({ command: commandId('show'), category: trans.__('Other'), rank: 5 });
  }
};

export default launcher;
