import type { TranslationBundle } from '@jupyterlab/translation';

import type { EngineModel } from '../model/engine';
import type { IRowFace } from './section';

/** How the engine is, in a few words. */
export function engineSentence(engine: EngineModel, trans: TranslationBundle): string {
  if (engine.isStarting) {
    return trans.__('Starting the engine…');
  }
  switch (engine.state) {
    case null:
      return trans.__('Looking for the engine…');
    case 'running':
      return engine.engineVersion
        ? trans.__('Engine %1 runs', engine.engineVersion)
        : trans.__('Engine runs');
    case 'stopped':
      return trans.__('Engine is stopped');
    case 'unauthorized':
      return trans.__('Engine refuses the token');
    case 'forbidden':
      return trans.__('Jupyter refuses');
    case 'missing':
      return trans.__('Server extension is missing');
    case 'offline':
      return trans.__('Jupyter server does not answer');
    default:
      return trans.__('Engine does not answer');
  }
}

/** The colour of the engine's state. */
export function engineTone(engine: EngineModel): NonNullable<IRowFace['tone']> {
  if (engine.isStarting || engine.state === null) {
    return 'busy';
  }
  return engine.isRunning ? 'good' : engine.state === 'stopped' ? 'idle' : 'bad';
}

/** What a state without an engine means, and what to do next; `code` is a line for a terminal. */
export interface IAdvice {
  why: string;
  next: string;
  code?: string;
  canStart: boolean;
}

/** Say what to do where the engine does not run. */
export function adviceFor(engine: EngineModel, trans: TranslationBundle): IAdvice {
  const why = engine.message ?? '';
  switch (engine.state) {
    case 'stopped':
      return {
        why: trans.__('Models, pipelines and edges are kept by the engine, which does not run now.'),
        next: trans.__('Start it here; a notebook’s %1 starts it as well.', 'Client()'),
        canStart: true
      };
    case 'unauthorized':
      return {
        why,
        next: trans.__('Check JUPYTER_EDGE_TOKEN where Jupyter was started, and restart Jupyter.'),
        canStart: false
      };
    case 'forbidden':
      return {
        why: trans.__('This Jupyter server does not let you use Edge: %1', why),
        next: trans.__('Sign in anew, or ask who runs the server for the right to use jupyter_edge.'),
        canStart: false
      };
    case 'missing':
      return {
        why: trans.__('This Jupyter server has not loaded the extension jupyter_edge.'),
        next: trans.__('Enable it where Jupyter runs, and restart Jupyter:'),
        code: 'jupyter server extension enable jupyter_edge',
        canStart: false
      };
    case 'offline':
      return {
        why,
        next: trans.__('Check the connection to the Jupyter server, then retry.'),
        canStart: false
      };
    default:
      return {
        why,
        next: engine.isLocal
          ? trans.__('Start it anew, or mend what its log tells.')
          : trans.__('Start it where it runs, or restart Jupyter with another JUPYTER_EDGE_URL.'),
        canStart: engine.isLocal
      };
  }
}
