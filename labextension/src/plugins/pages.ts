import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, IThemeManager, MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import type { Widget } from '@lumino/widgets';

import { FleetPageModel } from '../model/fleetPage';
import { PipelinePageModel } from '../model/pipelinePage';
import type { IPageContext } from '../pages/context';
import { FleetPage } from '../pages/fleetPage';
import type { ISurroundings } from '../pages/page';
import { PipelinePage } from '../pages/pipelinePage';
import { IEdgePanel } from '../tokens';
import { edgeIcon } from '../ui/icons';
import { commandId } from '../ui/section';

const PIPELINE = commandId('open-pipeline');
const FLEET = commandId('open-fleet');

const pages: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-edge:pages',
  description: 'Shows a pipeline, or the fleet of edges, as a page of the main area.',
  autoStart: true,
  requires: [IEdgePanel],
  optional: [ILabShell, ILayoutRestorer, ICommandPalette, IThemeManager],
  activate
};

export default pages;

function activate(
  app: JupyterFrontEnd,
  edge: IEdgePanel,
  labShell: ILabShell | null,
  restorer: ILayoutRestorer | null,
  palette: ICommandPalette | null,
  themes: IThemeManager | null
): void {
  const { commands, serviceManager } = app;
  const { model, trans, preferences } = edge;
  const surroundings: ISurroundings = { stream: serviceManager.events.stream, themes, preferences };
  const context: IPageContext = {
    model,
    commands,
    trans,
    preferences,
    openFleet: () => void commands.execute(FLEET)
  };
  const fleets = new WidgetTracker<MainAreaWidget<FleetPage>>({ namespace: 'jupyter-edge-fleet' });
  const pipelines = new WidgetTracker<MainAreaWidget<PipelinePage>>({ namespace: 'jupyter-edge-pipelines' });
  const area = labShell ? 'main' : 'down'; // Notebook 7 keeps its main area for one document
  addFleetCommand(context, () =>
    show(app, area, fleets, 'jupyter-edge-fleet', trans.__('Fleet'), () => {
      return new FleetPage(context, new FleetPageModel(model.client, model.engine), surroundings);
    })
  );
  addPipelineCommand(context, (id, name) =>
    show(app, area, pipelines, `jupyter-edge-pipeline-${id}`, name, () => {
      return new PipelinePage(context, new PipelinePageModel(model.client, model.engine, id), surroundings);
    })
  );
  commands.notifyCommandChanged(); // for buttons that were there before their command
  palette?.addItem({ command: FLEET, category: trans.__('Edge'), args: { isPalette: true } });
  void restorer?.restore(fleets, { command: FLEET, name: () => 'fleet' });
  void restorer?.restore(pipelines, {
    command: PIPELINE,
    args: ({ content, title }) => ({ id: content.model.id, name: title.label }),
    name: ({ content }) => String(content.model.id)
  });
}

function addFleetCommand({ commands, trans }: IPageContext, open: () => Widget): void {
  commands.addCommand(FLEET, {
    label: trans.__('Show Fleet of Edges'),
    caption: trans.__('Show the state of all edges, and when they came and went'),
    icon: args => (args.isPalette ? undefined : edgeIcon),
    describedBy: { args: { type: 'object', properties: {} } },
    execute: open
  });
}

function addPipelineCommand(
  { commands, trans }: IPageContext,
  open: (id: number, name: string) => Widget
): void {
  commands.addCommand(PIPELINE, {
    label: trans.__('Open a Pipeline’s Page'),
    caption: trans.__('Show a pipeline’s definition, deployment, traffic, log, publishes and edges'),
    isVisible: args => args.isPalette !== true,
    describedBy: {
      args: {
        type: 'object',
        properties: {
          id: { type: 'integer', description: trans.__('The pipeline’s id') },
          name: { type: 'string', description: trans.__('What the tab is called') }
        },
        required: ['id']
      }
    },
    execute: args => {
      const id = Number(args.id);
      return open(id, typeof args.name === 'string' ? args.name : trans.__('Pipeline %1', id));
    }
  });
}

/** Show a page that is open already, or a new one. */
function show<T extends Widget>(
  { shell }: JupyterFrontEnd,
  area: string,
  tracker: WidgetTracker<MainAreaWidget<T>>,
  id: string,
  label: string,
  make: () => T
): MainAreaWidget<T> {
  const widget = tracker.find(page => page.id === id) ?? wrap(id, label, make());
  if (!tracker.has(widget)) {
    void tracker.add(widget);
  }
  if (!widget.isAttached) {
    shell.add(widget, area, { type: 'Edge' });
  }
  shell.activateById(id);
  return widget;
}

function wrap<T extends Widget>(id: string, label: string, content: T): MainAreaWidget<T> {
  const widget = new MainAreaWidget({ content });
  widget.id = id;
  widget.toolbar.hide();
  widget.title.label = label;
  widget.title.icon = edgeIcon;
  widget.title.closable = true;
  content.id = `${id}-content`;
  content.node.setAttribute('role', 'region');
  content.node.setAttribute('aria-label', label);
  return widget;
}
