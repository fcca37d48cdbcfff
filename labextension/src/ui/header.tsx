import { ReactWidget, refreshIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { engineSentence, engineTone } from './engineWords';
import { commandId, type IContext } from './section';

/** The top of the panel: how the engine is, which workspace is shown, and the filter of all lists. */
export class Header extends ReactWidget {
  constructor(
    private readonly context: IContext,
    private readonly onFilter: (text: string) => void
  ) {
    super();
    this.addClass('jp-Edge-header');
    context.model.engine.changed.connect(this.update, this);
    context.model.places.changed.connect(this.update, this);
    context.model.chosen.connect(this.update, this);
  }

  override render(): React.JSX.Element {
    const { model, commands, trans } = this.context;
    const { engine } = model;
    const refresh = commandId('refresh');
    const isQuiet = !engine.isRunning && !engine.isStarting && engine.state !== null; // the note below says it
    return (
      <>
        <div className="jp-Edge-engine">
          <span className={`jp-Edge-mark jp-mod-${engineTone(engine)}`} aria-hidden="true" />
          <span className="jp-Edge-engineState" role="status">
            {isQuiet ? trans.__('Edge') : engineSentence(engine, trans)}
          </span>
          <button
            type="button"
            className="jp-Edge-button"
            title={commands.caption(refresh)}
            aria-label={commands.label(refresh)}
            onClick={() => void commands.execute(refresh)}
          >
            <refreshIcon.react tag="span" />
          </button>
        </div>
        {engine.isRunning && <WorkspaceChoice context={this.context} />}
        {engine.isRunning && <FilterBox context={this.context} onFilter={this.onFilter} />}
      </>
    );
  }
}

function WorkspaceChoice({ context }: { context: IContext }): React.JSX.Element | null {
  const { model, trans } = context;
  const { items } = model.places;
  return items.length === 0 ? null : (
    <select
      className="jp-Edge-select"
      aria-label={trans.__('Workspace')}
      title={trans.__('The workspace that is shown')}
      value={model.workspaceId ?? undefined}
      onChange={event => void model.choose(Number(event.target.value)).catch(() => undefined)} // the panel says why
    >
      {model.workspace === null && model.workspaceId !== null && (
        <option value={model.workspaceId}>{trans.__('Workspace %1', model.workspaceId)}</option>
      )}
      {items.map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </select>
  );
}

function FilterBox(props: { context: IContext; onFilter: (text: string) => void }): React.JSX.Element {
  const { trans } = props.context;
  const [text, setText] = React.useState('');
  const change = (value: string): void => {
    setText(value);
    props.onFilter(value.trim());
  };
  return (
    <input
      type="search"
      className="jp-Edge-filter jp-mod-styled"
      placeholder={trans.__('Filter by name')}
      aria-label={trans.__('Filter all lists by name')}
      value={text}
      onChange={event => change(event.target.value)}
      onKeyDown={event => {
        if (event.key === 'Escape' && text) {
          event.stopPropagation();
          change('');
        }
      }}
    />
  );
}
