import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { copyText } from './copy';

const SHOWN_ROWS = 20;
const SHOWN_LETTERS = 20_000;

/** Show the first rows of an answer, and let all of it be copied. */
export async function showAnswer(trans: TranslationBundle, pipeline: string, rows: unknown[]): Promise<void> {
  const text = JSON.stringify(rows.slice(0, SHOWN_ROWS), null, 2);
  const body = ReactWidget.create(<pre className="jp-Edge-answer">{text.slice(0, SHOWN_LETTERS)}</pre>);
  const title = trans._n('%2 answered %1 row', '%2 answered %1 rows', rows.length, pipeline);
  const copy = Dialog.createButton({ label: trans.__('Copy All'), className: 'jp-mod-copy' });
  const answer = await showDialog({
    title,
    body,
    buttons: [copy, Dialog.okButton({ label: trans.__('Close') })]
  });
  if (answer.button.className === 'jp-mod-copy') {
    await copyText(JSON.stringify(rows));
  }
}
