import type { IStateDB } from '@jupyterlab/statedb';

import type { EdgeModel, SectionName } from '../model/edge';
import type { Sidebar } from './sidebar';

const KEY = 'jupyter-edge:panel';
const FIRST: readonly SectionName[] = ['models', 'pipelines', 'edges', 'activity'];

interface IKept {
  open: SectionName[];
  weights: Record<string, number>;
  workspace: number | null;
}

/** Bring back which sections were open, how large, and which workspace was shown, and keep it from then on. */
export async function keepState(state: IStateDB | null, model: EdgeModel, sidebar: Sidebar): Promise<void> {
  const kept = (await state?.fetch(KEY).catch(() => undefined)) as Partial<IKept> | undefined;
  sidebar.shares.weights = kept?.weights ?? {};
  sidebar.open = Array.isArray(kept?.open) ? kept.open : FIRST;
  if (typeof kept?.workspace === 'number') {
    model.prefer(kept.workspace);
  }
  const save = (): void => {
    void state?.save(KEY, {
      open: sidebar.open,
      weights: sidebar.shares.weights,
      workspace: model.workspaceId
    });
  };
  sidebar.toggled.connect(save);
  model.chosen.connect(save);
}
