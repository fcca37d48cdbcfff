import { Dialog, InputDialog, Notification, ReactWidget, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { inferFromFile } from '../model/inference';
import type { IPipeline } from '../model/types';
import { showAnswer } from '../ui/answer';
import type { IContext } from '../ui/section';
import { settle } from './settle';
import { nameOf, type AnyFile } from './upload';

/** What the server extension says of an answer that it wrote beside the file. */
interface IKeptAnswer {
  path: string;
  rows: number;
  columns: string[];
  head: string[][];
}

/** Send a file to a deployed pipeline, which is asked for where none is given, and show what it answers. */
export async function inferOn(
  context: IContext,
  file: AnyFile,
  wanted: IPipeline | null = null
): Promise<string | null> {
  const pipeline = wanted ?? (await choosePipeline(context, nameOf(file)));
  if (pipeline === null) {
    return null;
  }
  const { model, trans } = context;
  const message = trans.__('%1 is asked with %2…', pipeline.name, nameOf(file));
  const notice = context.preferences.notifications
    ? Notification.emit(message, 'in-progress', { autoClose: false })
    : '';
  let show: () => Promise<void>;
  let path: string | null = null;
  try {
    if (typeof file === 'string') {
      const body = { path: file, pipeline: pipeline.name, deployment: pipeline.deployment?.id };
      const kept = await model.client.own<IKeptAnswer>('infer', body);
      path = kept.path;
      show = () => showTable(trans, pipeline.name, kept);
    } else {
      const rows = await inferFromFile(model.client, pipeline, file);
      show = () => showAnswer(trans, pipeline.name, rows);
    }
  } finally {
    Notification.dismiss(notice);
  }
  void show();
  return path;
}

/** Let one of the workspace's deployed pipelines be chosen; null where none was. */
async function choosePipeline(context: IContext, file: string): Promise<IPipeline | null> {
  const { model, trans } = context;
  const workspace = await settle(context);
  const all = await model.client.all<IPipeline>('pipelines/list', 'pipelines', {
    workspace_id: workspace.id
  });
  const deployed = all.filter(({ deployment }) => deployment?.deployed);
  if (deployed.length === 0) {
    throw new Error(
      trans.__(
        'No pipeline of workspace “%1” is deployed: deploy one in the Edge panel, then infer with it.',
        workspace.name
      )
    );
  }
  const answer = await InputDialog.getItem({
    title: trans.__('Infer with %1', file),
    label: trans.__('Deployed pipeline of workspace “%1”', workspace.name),
    items: deployed.map(({ name }) => name),
    okLabel: trans.__('Infer'),
    cancelLabel: trans.__('Cancel')
  });
  return answer.button.accept ? (deployed.find(({ name }) => name === answer.value) ?? null) : null;
}

async function showTable(trans: TranslationBundle, pipeline: string, answer: IKeptAnswer): Promise<void> {
  await showDialog({
    title: trans._n('%2 answered %1 row', '%2 answered %1 rows', answer.rows, pipeline),
    body: ReactWidget.create(<Answer trans={trans} answer={answer} />),
    buttons: [Dialog.okButton({ label: trans.__('Close') })]
  });
}

function Answer({ trans, answer }: { trans: TranslationBundle; answer: IKeptAnswer }): React.JSX.Element {
  const { path, columns, head, rows } = answer;
  return (
    <div className="jp-Edge-kept">
      <p>
        {trans.__('Written beside the file, as an Arrow table:')} <code>{path}</code>
      </p>
      <div className="jp-Edge-keptTable">
        <table>
          <thead>
            <tr>
              {columns.map(column => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {head.map((cells, row) => (
              <tr key={row}>
                {cells.map((cell, column) => (
                  <td key={column}>{cell}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows > head.length && <p>{trans.__('The first %1 of %2 rows.', head.length, rows)}</p>}
    </div>
  );
}
