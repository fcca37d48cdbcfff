import { Dialog, Notification, ReactWidget, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { copyText } from './copy';

/** Say that front end and server are of different releases; a notification is too short for the line that mends it. */
export function notifyMismatch(
  trans: TranslationBundle,
  frontEnd: string,
  server: string,
  command: string
): void {
  const message = trans.__(
    'The Edge panel is %1, its server part %2: they have to be the same.',
    frontEnd,
    server
  );
  const callback = (event: MouseEvent): void => {
    event.preventDefault();
    void showCommand(trans, command);
  };
  Notification.warning(message, {
    autoClose: false,
    actions: [{ label: trans.__('How to Mend It'), callback }]
  });
}

async function showCommand(trans: TranslationBundle, command: string): Promise<void> {
  const body = ReactWidget.create(
    <div className="jp-Edge-bundle">
      <p>{trans.__('Run this where Jupyter runs, restart Jupyter, and reload the page:')}</p>
      <code className="jp-Edge-code">{command}</code>
    </div>
  );
  const title = trans.__('Bring Edge to one version');
  const buttons = [
    Dialog.cancelButton({ label: trans.__('Close') }),
    Dialog.okButton({ label: trans.__('Copy') })
  ];
  if ((await showDialog({ title, body, buttons })).button.accept) {
    await copyText(command);
  }
}
