import * as React from 'react';

import { summaryOf, type FleetPageModel } from '../model/fleetPage';
import type { EdgeState } from '../model/types';
import { edgeState } from '../sections/edges';
import type { IPageContext } from './context';
import { FleetTable, type IFleetFilter } from './fleetTable';
import { FleetTimeline } from './fleetTimeline';
import { Page, type ISurroundings } from './page';
import { Nothing, State, Trouble } from './parts';

/** The page of the fleet: every edge, and when edges came and went. */
export class FleetPage extends Page<FleetPageModel> {
  constructor(
    private readonly context: IPageContext,
    model: FleetPageModel,
    surroundings: ISurroundings
  ) {
    super(model, surroundings);
  }

  protected override view(): React.JSX.Element {
    const { context, model } = this;
    return (
      <div className="jp-Edge-pageBody">
        <Trouble context={context} page={model} />
        {model.readAt === null && model.error === null && (
          <p className="jp-Edge-note">{context.trans.__('Loading…')}</p>
        )}
        {model.readAt !== null && <Fleet context={context} page={model} group={this.id} />}
      </div>
    );
  }
}

interface IFleetProps {
  context: IPageContext;
  page: FleetPageModel;
}

function Fleet({ context, page, group }: IFleetProps & { group: string }): React.JSX.Element {
  const { trans } = context;
  const [filter, setFilter] = React.useState<IFleetFilter>({ text: '', state: null });
  return (
    <>
      <header className="jp-Edge-pageHead">
        <div className="jp-Edge-pageName">
          <h2>{trans.__('Fleet')}</h2>
        </div>
      </header>
      {page.edges.length > 0 && (
        <Summary
          context={context}
          page={page}
          state={filter.state}
          onState={state => setFilter({ ...filter, state })}
        />
      )}
      <div className="jp-Edge-cards">
        {page.edges.length === 0 ? (
          <div className="jp-Edge-card jp-mod-wide">
            <Nothing
              what={trans.__('No edge is registered yet.')}
              next={trans.__('Register one with a publish, in the panel or in a notebook:')}
              code="%edge edge add NAME PIPELINE"
            />
          </div>
        ) : (
          <FleetTable context={context} page={page} filter={filter} onFilter={setFilter} />
        )}
        <FleetTimeline
          context={context}
          page={page}
          group={group}
          onEdge={text => setFilter({ text, state: null })}
        />
      </div>
    </>
  );
}

interface ISummaryProps extends IFleetProps {
  state: EdgeState | null;
  onState: (state: EdgeState | null) => void;
}

/** How many edges are in each state, each a filter of the table, and what they hold and lose in all. */
function Summary({ context, page, state, onState }: ISummaryProps): React.JSX.Element {
  const { trans } = context;
  const { states, backlog, lost, rate } = React.useMemo(() => summaryOf(page.edges), [page.edges]);
  const totals: ReadonlyArray<readonly [string, string]> = [
    [trans.__('rows per minute'), rate === null ? '–' : Math.round(rate).toLocaleString()],
    [trans.__('rows in backlogs'), backlog.toLocaleString()],
    [trans.__('rows lost'), lost.toLocaleString()]
  ];
  return (
    <div className="jp-Edge-summary">
      <div className="jp-Edge-tiles" role="group" aria-label={trans.__('Show only edges of a state')}>
        {(Object.keys(states) as EdgeState[]).map(name => (
          <button
            key={name}
            type="button"
            className="jp-Edge-tile"
            aria-pressed={name === state}
            onClick={() => onState(name === state ? null : name)}
          >
            <b>{states[name].toLocaleString()}</b>
            <State {...edgeState(name, trans)} />
          </button>
        ))}
      </div>
      <dl className="jp-Edge-tiles">
        {totals.map(([name, value]) => (
          <div key={name} className="jp-Edge-tile jp-mod-plain">
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
