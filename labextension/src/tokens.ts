import { Token } from '@lumino/coreutils';
import type { Widget } from '@lumino/widgets';

import type { IContext } from './ui/section';

/** What other plugins of Edge build upon: its model, commands and words. */
export interface IEdgePanel extends IContext {
  /** Show the panel. */
  reveal: () => void;
  /** The panel itself. */
  panel: Widget;
}

export const IEdgePanel = new Token<IEdgePanel>(
  'jupyter-edge:IEdgePanel',
  'The model of the engine that the Edge panel shows.'
);
