import * as React from 'react';

import { matches, type FleetPageModel, type IFleetEdge } from '../model/fleetPage';
import { chosen, sorted, type ISorting } from '../model/sorting';
import type { EdgeState } from '../model/types';
import { edgeState } from '../sections/edges';
import { ago, moment, short } from '../ui/words';
import type { IPageContext } from './context';
import { Card, Nothing, State } from './parts';
import { Table, type IColumn } from './table';

/** Edges that need somebody come first. */
const URGENCY: Record<EdgeState, number> = { lost: 0, late: 1, stopped: 2, waiting: 3, online: 4 };

export interface IFleetFilter {
  text: string;
  state: EdgeState | null;
}

interface IFleetTableProps {
  context: IPageContext;
  page: FleetPageModel;
  filter: IFleetFilter;
  onFilter: (filter: IFleetFilter) => void;
}

/** All edges; sorted by a click on a column's name, filtered by text and by the states above. */
export function FleetTable({ context, page, filter, onFilter }: IFleetTableProps): React.JSX.Element {
  const { trans } = context;
  const { edges } = page;
  const [sorting, setSorting] = React.useState<ISorting>({ column: 'state', isDescending: false });
  const columns = React.useMemo(() => columnsOf(context), [context]);
  const rows = React.useMemo(() => {
    const { worth = ({ name }: IFleetEdge) => name } = columns.find(({ id }) => id === sorting.column) ?? {};
    const wanted = edges.filter(
      edge => (filter.state === null || edge.state === filter.state) && matches(edge, filter.text.trim())
    );
    return sorted(wanted, worth, sorting.isDescending);
  }, [edges, filter, sorting, columns]);
  const search = (
    <input
      type="search"
      className="jp-Edge-filter jp-mod-styled"
      placeholder={trans.__('Filter by name, pipeline or tag')}
      aria-label={trans.__('Filter edges by name, pipeline or tag')}
      value={filter.text}
      onChange={event => onFilter({ ...filter, text: event.target.value })}
      onKeyDown={event => event.key === 'Escape' && onFilter({ ...filter, text: '' })}
    />
  );
  const count =
    rows.length === edges.length
      ? trans._n('%2 edge', '%2 edges', edges.length, edges.length.toLocaleString())
      : trans.__('%1 of %2 edges', rows.length.toLocaleString(), edges.length.toLocaleString());
  return (
    <Card title={trans.__('Edges')} aside={search} isWide={true}>
      <p className="jp-Edge-count" role="status">
        {count}
      </p>
      {rows.length === 0 ? (
        <Nothing what={trans.__('No edge is like that.')} next={trans.__('Clear the filter to see all.')} />
      ) : (
        <Table
          label={trans.__('Edges')}
          columns={columns}
          rows={rows}
          keyOf={({ id }) => id}
          most={14}
          sorting={sorting}
          onSort={column => setSorting(chosen(sorting, column))}
          onOpen={({ name }) => onFilter({ ...filter, text: name })}
        />
      )}
    </Card>
  );
}

const count = (value: number | null): string => value?.toLocaleString() ?? '–';
const time = (value: string | null): number | null => (value === null ? null : Date.parse(value));

function columnsOf({ trans }: IPageContext): Array<IColumn<IFleetEdge>> {
  const number = (
    id: string,
    label: string,
    width: string,
    value: (edge: IFleetEdge) => number | null
  ): IColumn<IFleetEdge> => ({
    id,
    label,
    width,
    isNumber: true,
    worth: value,
    cell: edge => count(value(edge))
  });
  return [
    {
      id: 'name',
      label: trans.__('Edge'),
      width: 'minmax(140px, 2fr)',
      worth: ({ name }) => name,
      cell: ({ name, tags }) => <span title={[name, ...tags].join(', ')}>{name}</span>
    },
    {
      id: 'state',
      label: trans.__('State'),
      width: '84px',
      worth: ({ state }) => URGENCY[state],
      cell: ({ state }) => <State {...edgeState(state, trans)} />
    },
    {
      id: 'pipeline',
      label: trans.__('Publish'),
      width: 'minmax(110px, 1.4fr)',
      worth: edge => `${edge.pipeline ?? ''} ${edge.pipeline_publish_id}`,
      cell: edge => `${edge.pipeline ?? ''} #${edge.pipeline_publish_id}`
    },
    {
      id: 'version',
      label: trans.__('Serves'),
      width: '76px',
      worth: edge => edge.pipeline_version,
      cell: ({ pipeline_version: version }) =>
        version === null ? '–' : <code title={version}>{short(version)}</code>
    },
    {
      id: 'agent',
      label: trans.__('Agent'),
      width: '60px',
      worth: edge => edge.agent_version,
      cell: edge => edge.agent_version ?? '–'
    },
    {
      id: 'seen',
      label: trans.__('Last seen'),
      width: '84px',
      isNumber: true,
      worth: edge => time(edge.last_seen),
      cell: ({ last_seen: seen }) => (seen === null ? '–' : <span title={moment(seen)}>{ago(seen)}</span>)
    },
    number('backlog', trans.__('Backlog'), '68px', edge => edge.backlog_rows),
    number('rate', trans.__('Rows/min'), '72px', ({ rate }) => (rate === null ? null : Math.round(rate))),
    number('rows', trans.__('Rows'), '80px', ({ rows }) => rows),
    number('lost', trans.__('Rows lost'), '76px', edge => edge.dropped_rows)
  ];
}
