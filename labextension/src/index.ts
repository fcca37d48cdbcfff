import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

const panel: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-edge:panel',
  description: 'Shows what the engine has.',
  autoStart: true,
  activate: (_app: JupyterFrontEnd) => undefined
};

export default [panel];
