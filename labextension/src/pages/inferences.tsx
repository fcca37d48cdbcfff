import * as React from 'react';

import type { ILogRow } from '../model/types';
import { duration, moment } from '../ui/words';
import type { IPartProps } from './pipelineParts';
import { Card, Nothing, State } from './parts';
import { Table, type IColumn } from './table';

/** The newest rows of the pipeline's log; older ones are read as they come into view. */
export function Inferences({ context, page }: IPartProps): React.JSX.Element {
  const { trans } = context;
  const { log, pipeline } = page;
  const more = React.useCallback(() => void log.grow(), [log]);
  const columns: Array<IColumn<ILogRow>> = [
    { id: 'time', label: trans.__('Time'), width: '170px', cell: ({ time }) => moment(time) },
    {
      id: 'partition',
      label: trans.__('Answered by'),
      width: 'minmax(160px, 1fr)',
      cell: ({ metadata }) => <code title={metadata.partition}>{metadata.partition}</code>
    },
    {
      id: 'elapsed',
      label: trans.__('Elapsed'),
      width: '96px',
      isNumber: true,
      cell: ({ metadata }) => {
        const parts = metadata.elapsed ?? [];
        const total = parts.reduce((sum, part) => sum + part, 0);
        return <span title={parts.map(duration).join(' + ')}>{duration(total)}</span>;
      }
    },
    {
      id: 'checks',
      label: trans.__('Checks'),
      width: 'minmax(120px, 1fr)',
      cell: row => <Checks row={row} trans={trans} />
    }
  ];
  const isEmpty = log.items.length === 0;
  return (
    <Card title={trans.__('Last inferences')} isWide={true}>
      {log.error && (
        <p className="jp-Edge-note jp-mod-error" role="alert">
          {trans.__('The log could not be read: %1', log.error.message)}
        </p>
      )}
      {isEmpty && !log.error && (
        <Nothing
          what={trans.__('“%1” has not answered anything yet.', pipeline?.name ?? '')}
          next={trans.__('Infer from a notebook; every row that it answers shows here:')}
          code={`%edge infer ${pipeline?.name ?? 'NAME'} data.arrow`}
        />
      )}
      {!isEmpty && (
        <Table
          label={trans.__('Last inferences')}
          columns={columns}
          rows={log.items}
          keyOf={({ key }) => key}
          most={10}
          onEnd={log.hasMore ? more : undefined}
        />
      )}
    </Card>
  );
}

function Checks({ row, trans }: { row: ILogRow; trans: IPartProps['context']['trans'] }): React.JSX.Element {
  const failed = Array.isArray(row.check_failures) ? row.check_failures.map(String) : [];
  return failed.length === 0 ? (
    <State tone="good" word={trans.__('passed')} />
  ) : (
    <span title={failed.join(', ')}>
      <State tone="bad" word={trans._n('%1 failed', '%1 failed', failed.length)} />
    </span>
  );
}
