import { copyIcon, addBelowIcon } from '@jupyterlab/ui-components';

import { copyText } from '../ui/copy';
import { commandId, type IAction, type IContext, type ISection } from '../ui/section';
import { withExtension } from './code';
import { codeOfRow, type IRowsWithCode, type SectionWithCode } from './things';

/** The command that puts a cell into the notebook that is open. */
export const INSERT_CELL = commandId('insert-cell');

/** Add the actions that make a cell of a row, for those who do not drag it. */
export function withCode<Name extends SectionWithCode>(
  context: IContext,
  name: Name,
  section: ISection<IRowsWithCode[Name]>
): ISection<IRowsWithCode[Name]> {
  const { commands, trans } = context;
  const actions: Array<IAction<IRowsWithCode[Name]>> = [
    {
      id: `insert-cell-of-${name}`,
      label: trans.__('Insert as Cell'),
      caption: trans.__('Put a cell that works with this into the notebook that is open'),
      icon: addBelowIcon,
      run: async row => {
        await commands.execute(INSERT_CELL, { code: await codeOfRow(context, name, row) });
      }
    },
    {
      id: `copy-code-of-${name}`,
      label: trans.__('Copy as Code'),
      caption: trans.__('Copy the code of a cell that works with this'),
      icon: copyIcon,
      isQuick: name === 'models',
      run: async row => copyText(withExtension(await codeOfRow(context, name, row), []))
    }
  ];
  return { ...section, actions: [...section.actions, ...actions] };
}
