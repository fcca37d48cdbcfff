import { MenuSvg } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';

import { commandId, rowArgs, type IAction } from './section';

/** Show the actions of a row at a place of the window; the menu goes once it was used. */
export function openRowMenu<T>(
  commands: CommandRegistry,
  actions: ReadonlyArray<IAction<T>>,
  key: string,
  x: number,
  y: number
): void {
  const menu = new MenuSvg({ commands });
  const before = document.activeElement;
  for (const { id } of actions) {
    menu.addItem({ command: commandId(id), args: rowArgs(key) });
  }
  menu.aboutToClose.connect(() => {
    if (before instanceof HTMLElement) {
      before.focus();
    }
    requestAnimationFrame(() => menu.dispose());
  });
  menu.open(x, y);
}
