import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { copyText } from './copy';

import type { CommandName } from '../model/publishCommands';

/** Show, this once, what a new edge joins with. */
export async function showBundle(
  trans: TranslationBundle,
  name: string,
  commands: Record<CommandName, string>
): Promise<void> {
  const body = ReactWidget.create(<Bundle trans={trans} commands={commands} />);
  const buttons = [Dialog.okButton({ label: trans.__('Close') })];
  await showDialog({ title: trans.__('Edge “%1” is registered', name), body, buttons });
}

function Bundle(props: {
  trans: TranslationBundle;
  commands: Record<CommandName, string>;
}): React.JSX.Element {
  const { trans, commands } = props;
  const names: ReadonlyArray<readonly [CommandName, string]> = [
    ['serve', trans.__('Python, no container')],
    ['docker', trans.__('docker run')],
    ['compose', trans.__('compose.yaml')],
    ['helm', trans.__('helm install')]
  ];
  const [copied, setCopied] = React.useState<CommandName | null>(null);
  const copy = (name: CommandName): void => {
    void copyText(commands[name]);
    setCopied(name);
  };
  return (
    <div className="jp-Edge-bundle">
      <p>
        {trans.__(
          'Run one of these where the edge is. Each holds its join token, which works once and is not shown again.'
        )}
      </p>
      {names.map(([name, label]) => (
        <button type="button" key={name} className="jp-Edge-next" onClick={() => copy(name)}>
          {copied === name ? trans.__('Copied: %1', label) : trans.__('Copy: %1', label)}
        </button>
      ))}
    </div>
  );
}
