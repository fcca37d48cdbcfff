import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { withExtension } from '../files/code';
import { INSERT_CELL } from '../files/codeActions';
import { letRowsBeDragged } from '../files/dragOut';
import { cellsAbove, indexOf } from '../files/notebooks';
import { IEdgePanel } from '../tokens';
import { notifyError } from '../ui/notify';

const INSERT_BELOW = 'notebook:insert-cell-below';
const WRITE = 'notebook:replace-selection';

const cells: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-edge:cells',
  description: 'Makes cells of the panel’s rows: dragged into a notebook, or inserted.',
  autoStart: true,
  requires: [IEdgePanel],
  activate: (app: JupyterFrontEnd, edge: IEdgePanel): void => {
    letRowsBeDragged(app, edge);
    addInsertion(app, edge);
  }
};

export default cells;

function addInsertion({ commands, shell }: JupyterFrontEnd, { trans }: IEdgePanel): void {
  commands.addCommand(INSERT_CELL, {
    label: trans.__('Insert a Cell'),
    caption: trans.__('Put a cell with this code below the active cell of the notebook that is open'),
    describedBy: {
      args: {
        type: 'object',
        properties: { code: { type: 'string', description: trans.__('What stands in the cell') } },
        required: ['code']
      }
    },
    isVisible: args => args.isPalette !== true,
    execute: async ({ code }) => {
      if (!commands.hasCommand(INSERT_BELOW) || !commands.isEnabled(INSERT_BELOW)) {
        notifyError(
          trans.__('There is no notebook to put the cell into: open one, or copy the code instead.'),
          trans
        );
        return;
      }
      const active = shell.currentWidget?.node.querySelector('.jp-Cell.jp-mod-active');
      const text = withExtension(
        typeof code === 'string' ? code : '',
        cellsAbove(shell.currentWidget, indexOf(active) + 1)
      );
      await commands.execute(INSERT_BELOW);
      await commands.execute(WRITE, { text });
    }
  });
}
