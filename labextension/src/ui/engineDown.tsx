import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import { adviceFor, engineSentence } from './engineWords';
import { commandId, type IContext } from './section';

/** What stands in the panel's place while no engine answers: what, why, and what to do. */
export class EngineDown extends ReactWidget {
  constructor(private readonly context: IContext) {
    super();
    this.addClass('jp-Edge-down');
    context.model.engine.changed.connect(this.update, this);
  }

  override render(): React.JSX.Element {
    return <EngineNote context={this.context} />;
  }
}

/** A sentence whose parts between backticks are to be typed. */
function withCode(sentence: string): React.ReactNode {
  return sentence.split('`').map((part, index) => (index % 2 ? <code key={index}>{part}</code> : part));
}

/** What no answer of the engine means, and what to do. */
export function EngineNote({ context }: { context: IContext }): React.JSX.Element {
  const { model, commands, trans } = context;
  const { engine } = model;
  if (engine.state === null || engine.isStarting) {
    return <p className="jp-Edge-note">{engineSentence(engine, trans)}</p>;
  }
  const { why, next, code, canStart } = adviceFor(engine, trans);
  const run = (id: string): void => void commands.execute(commandId(id));
  return (
    <div className="jp-Edge-note" role="alert">
      <h3>{engineSentence(engine, trans)}</h3>
      {why && <p>{withCode(why)}</p>}
      <p>{next}</p>
      {code && <code className="jp-Edge-code">{code}</code>}
      <div className="jp-Edge-choices">
        {canStart && (
          <button type="button" className="jp-Edge-next jp-mod-accept" onClick={() => run('start-engine')}>
            {trans.__('Start engine')}
          </button>
        )}
        <button type="button" className="jp-Edge-next" onClick={() => run('refresh')}>
          {trans.__('Retry')}
        </button>
      </div>
    </div>
  );
}
