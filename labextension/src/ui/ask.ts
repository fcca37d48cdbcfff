import { Dialog, InputDialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { IContext } from './section';

/**
 * Ask whether something is really to go, unless the user wants not to be asked.
 *
 * Resolves to false unless the button that names it was pressed.
 */
export async function askToRemove(
  { trans, preferences }: IContext,
  title: string,
  body: string,
  verb: string
): Promise<boolean> {
  if (!preferences.confirmDelete) {
    return true;
  }
  const buttons = [Dialog.cancelButton({ label: trans.__('Keep') }), Dialog.warnButton({ label: verb })];
  const answer = await showDialog({ title, body, buttons, defaultButton: 0 });
  return answer.button.accept;
}

/** Ask for a name; null where there was none given. */
export async function askForName(
  trans: TranslationBundle,
  title: string,
  label: string,
  verb: string
): Promise<string | null> {
  const answer = await InputDialog.getText({
    title,
    label,
    okLabel: verb,
    cancelLabel: trans.__('Cancel'),
    required: true
  });
  return answer.button.accept && answer.value ? answer.value.trim() : null;
}

/** Let a file of the user's own machine be chosen; null where none was. */
export function askForFile(accept: string): Promise<File | null> {
  return new Promise(resolve => {
    const input = document.createElement('input');
    input.type = 'file';
    input.accept = accept;
    input.addEventListener('change', () => resolve(input.files?.[0] ?? null));
    input.addEventListener('cancel', () => resolve(null));
    input.click();
  });
}
