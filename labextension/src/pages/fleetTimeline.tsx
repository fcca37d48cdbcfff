import * as React from 'react';

import { Chart } from '../charts/chart';
import type { IFigure } from '../charts/figure';
import { comingsOf, type EventKind, type IEdgeEvent } from '../model/edgeEvents';
import type { FleetPageModel } from '../model/fleetPage';
import { RANGES } from '../model/timings';
import type { IRowFace } from '../ui/section';
import { moment } from '../ui/words';
import type { IPageContext } from './context';
import { Card, Nothing, RangeChoice, State } from './parts';
import { Table, type IColumn } from './table';

/** How many stretches of time the timeline has; each range is a whole number of seconds for each. */
const STRETCHES = 60;

const TONES: Record<EventKind, IRowFace['tone']> = {
  joined: 'good',
  back: 'good',
  lost: 'bad',
  stopped: 'idle',
  removed: 'idle'
};

interface ITimelineProps {
  context: IPageContext;
  page: FleetPageModel;
  group: string;
  onEdge: (name: string) => void;
}

/** When edges came and went: in numbers over time, and one by one. */
export function FleetTimeline({ context, page, group, onEdge }: ITimelineProps): React.JSX.Element {
  const { trans } = context;
  const { items } = page.events;
  const seconds = RANGES[page.range];
  const figure = figureOf(context, items, seconds, Date.now());
  const columns = React.useMemo(() => columnsOf(context), [context]);
  const choice = <RangeChoice context={context} value={page.range} onChange={range => page.look(range)} />;
  return (
    <Card title={trans.__('Joins and losses')} aside={items.length > 0 && choice} isWide={true}>
      {items.length === 0 ? (
        <Nothing
          what={trans.__('No edge has joined yet.')}
          next={trans.__('Its first start is noted here, and whenever it is lost.')}
        />
      ) : (
        <div className="jp-Edge-timeline">
          <Chart figure={figure} group={group} trans={trans} />
          <Table
            label={trans.__('Joins and losses, newest first')}
            columns={columns}
            rows={items}
            keyOf={({ id }) => String(id)}
            most={7}
            onOpen={({ name }) => onEdge(name)}
          />
        </div>
      )}
    </Card>
  );
}

function figureOf(
  { trans }: IPageContext,
  events: readonly IEdgeEvent[],
  seconds: number,
  now: number
): IFigure {
  const { times, came, went } = comingsOf(events, seconds, STRETCHES, now);
  const orGap = (count: number): number | null => count || null;
  return {
    title: trans.__('Edges that came and went'),
    times,
    seconds: seconds / STRETCHES,
    kind: 'bars',
    format: value => Math.abs(value).toLocaleString(),
    series: [
      { name: trans.__('joined or back'), values: came.map(orGap), color: '--jp-success-color1' },
      {
        name: trans.__('lost, stopped or removed'),
        values: went.map(count => orGap(-count)),
        color: '--jp-error-color1'
      }
    ],
    empty: trans.__('No edge came or went in this time.')
  };
}

function columnsOf({ trans }: IPageContext): Array<IColumn<IEdgeEvent>> {
  const words: Record<EventKind, string> = {
    joined: trans.__('joined'),
    back: trans.__('back'),
    lost: trans.__('lost'),
    stopped: trans.__('stopped'),
    removed: trans.__('removed')
  };
  return [
    { id: 'time', label: trans.__('Time'), width: '160px', cell: ({ time }) => moment(time) },
    { id: 'edge', label: trans.__('Edge'), width: 'minmax(100px, 1fr)', cell: ({ name }) => name },
    {
      id: 'kind',
      label: trans.__('What'),
      width: '96px',
      cell: ({ kind }) => <State tone={TONES[kind]} word={words[kind]} />
    }
  ];
}
