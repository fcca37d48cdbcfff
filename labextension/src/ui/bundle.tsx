import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { copyText } from './copy';

import type { CommandName } from '../model/publishCommands';

type Commands = Record<CommandName, string>;

/** Show, this once, what a new edge joins with: its bundle, and the commands that hold it where they are known. */
export async function showBundle(
  trans: TranslationBundle,
  name: string,
  bundle: string,
  commands: Commands | null
): Promise<void> {
  const choices: ReadonlyArray<readonly [string, string | undefined]> = [
    [trans.__('Command without a container'), commands?.serve],
    [trans.__('docker run'), commands?.docker],
    [trans.__('compose.yaml'), commands?.compose],
    [trans.__('helm install'), commands?.helm],
    [trans.__('EDGE_BUNDLE alone'), bundle]
  ];
  const body = ReactWidget.create(<Bundle trans={trans} choices={choices} />);
  const buttons = [Dialog.okButton({ label: trans.__('Close') })];
  await showDialog({ title: trans.__('Edge “%1” is registered', name), body, buttons });
}

interface IBundleProps {
  trans: TranslationBundle;
  choices: ReadonlyArray<readonly [string, string | undefined]>;
}

function Bundle({ trans, choices }: IBundleProps): React.JSX.Element {
  const [copied, setCopied] = React.useState<string | null>(null);
  const copy = async (label: string, text: string): Promise<void> => {
    await copyText(text);
    setCopied(label);
  };
  return (
    <div className="jp-Edge-bundle">
      <p>
        {trans.__(
          'Run one of these where the edge is. Each holds its join token, which works once and is not shown again.'
        )}
      </p>
      {choices.map(([label, text]) =>
        text === undefined ? null : (
          <button type="button" key={label} className="jp-Edge-next" onClick={() => void copy(label, text)}>
            {copied === label ? trans.__('Copied: %1', label) : trans.__('Copy: %1', label)}
          </button>
        )
      )}
    </div>
  );
}
