import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import { IEdgePanel } from '../tokens';
import { engineSentence, engineTone } from '../ui/engineWords';

const status: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-edge:status',
  description: 'Shows in the status bar how the engine is.',
  autoStart: true,
  requires: [IEdgePanel],
  optional: [IStatusBar],
  activate: (_app: JupyterFrontEnd, edge: IEdgePanel, bar: IStatusBar | null): void => {
    bar?.registerStatusItem('jupyter-edge:status', {
      item: new StatusItem(edge),
      align: 'left',
      rank: 90,
      isActive: () => edge.preferences.statusBar,
      activeStateChanged: edge.preferences.changed
    });
  }
};

export default status;

/** A mark and a word; a click shows the panel. */
class StatusItem extends ReactWidget {
  constructor(private readonly edge: IEdgePanel) {
    super();
    this.addClass('jp-Edge-status');
    edge.model.engine.changed.connect(this.update, this);
  }

  override render(): React.JSX.Element {
    const { model, trans, reveal } = this.edge;
    const sentence = engineSentence(model.engine, trans);
    return (
      <button type="button" className="jp-Edge-statusButton" title={sentence} onClick={reveal}>
        <span className={`jp-Edge-mark jp-mod-${engineTone(model.engine)}`} aria-hidden="true" />
        <span>{trans.__('Edge')}</span>
        <span className="jp-Edge-hidden">{sentence}</span>
      </button>
    );
  }
}
