import * as React from 'react';

import { NEWEST_ROWS } from '../model/log';
import type { ILogRow } from '../model/types';
import type { IContext, IRowFace, ISection } from '../ui/section';
import { duration, moment } from '../ui/words';

/** The inference log of one pipeline, newest first. */
export function log(context: IContext): ISection<ILogRow> {
  const { model, trans } = context;
  return {
    name: 'log',
    title: trans.__('Log'),
    list: model.lists.log,
    key: ({ key }) => key,
    face: row => face(row, context),
    details: row => [
      [trans.__('Time'), moment(row.time)],
      [trans.__('Answered by'), row.metadata.partition],
      [trans.__('Last model'), row.metadata.last_model ?? '–'],
      [trans.__('Elapsed'), row.metadata.elapsed?.map(duration).join(' + ') ?? '–'],
      [trans.__('Failed checks'), failures(row).join(', ') || trans.__('none')]
    ],
    actions: [],
    empty: () =>
      model.logName === null
        ? {
            what: trans.__('There is no pipeline in this workspace, and so no log.'),
            next: trans.__('Deploy one; every row that it answers shows here.')
          }
        : {
            what: trans.__('“%1” has not answered anything yet.', model.logName),
            next: trans.__('Infer from a notebook, or from a file by the pipeline’s menu:'),
            code: `%edge infer ${model.logName} data.arrow`
          },
    head: () => <LogChoice context={context} />,
    cut: () =>
      trans.__(
        'These are the newest %1 rows. A notebook has all: pipeline.logs(), pipeline.explore_logs()',
        NEWEST_ROWS.toLocaleString()
      )
  };
}

function face(row: ILogRow, { trans }: IContext): IRowFace {
  const failed = failures(row).length;
  const elapsed = row.metadata.elapsed?.reduce((sum, part) => sum + part, 0);
  return {
    title: new Date(row.time).toLocaleTimeString(),
    subtitle: row.metadata.partition,
    aside: elapsed === undefined ? undefined : duration(elapsed),
    state: failed > 0 ? trans._n('%1 check failed', '%1 checks failed', failed) : undefined,
    tone: failed > 0 ? 'bad' : 'good'
  };
}

function failures(row: ILogRow): string[] {
  return Array.isArray(row.check_failures) ? row.check_failures.map(String) : [];
}

function LogChoice({ context }: { context: IContext }): React.JSX.Element | null {
  const { model, trans } = context;
  const names = model.lists.pipelines.items.map(({ name }) => name);
  if (model.logName !== null && !names.includes(model.logName)) {
    names.unshift(model.logName);
  }
  return names.length === 0 ? null : (
    <select
      className="jp-Edge-select jp-mod-inset"
      aria-label={trans.__('Pipeline whose log is shown')}
      value={model.logName ?? undefined}
      onChange={event => void model.chooseLog(event.target.value)}
    >
      {names.map(name => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}
