import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { addPanelCommands } from '../panelCommands';
import { EdgeClient } from '../model/client';
import { EdgeModel } from '../model/edge';
import { Live } from '../model/live';
import { compareVersions } from '../model/versions';
import { forEachSection } from '../sections';
import { addRowCommands } from '../commands';
import { IEdgePanel } from '../tokens';
import type { IContext } from '../ui/section';
import { SectionWidget } from '../ui/sectionWidget';
import { notifyMismatch } from '../ui/mismatch';
import { Preferences } from '../ui/preferences';
import { Sidebar, type AnySection } from '../ui/sidebar';
import { keepState } from '../ui/state';
import { VERSION } from '../version';

const ID = 'jupyter-edge:panel';

const panel: JupyterFrontEndPlugin<IEdgePanel> = {
  id: ID,
  description: 'Shows what the engine has, and what it does, in a sidebar.',
  autoStart: true,
  provides: IEdgePanel,
  optional: [ILabShell, ILayoutRestorer, ICommandPalette, ISettingRegistry, IStateDB, ITranslator],
  activate
};

export default panel;

function activate(
  app: JupyterFrontEnd,
  labShell: ILabShell | null,
  restorer: ILayoutRestorer | null,
  palette: ICommandPalette | null,
  settings: ISettingRegistry | null,
  state: IStateDB | null,
  translator: ITranslator | null
): IEdgePanel {
  const { serverSettings, events } = app.serviceManager;
  const words = translator ?? nullTranslator;
  const trans = words.load('jupyter_edge');
  const model = new EdgeModel(new EdgeClient(serverSettings));
  const preferences = new Preferences();
  const context: IContext = { model, commands: app.commands, trans, preferences };
  const live = new Live({
    stream: events.stream,
    refresh: changes => model.refresh(changes),
    glance: () => model.engine.refresh(),
    isVisible: () => sidebar.isVisible,
    seconds: preferences.refreshInterval
  });
  const reveal = (): void => app.shell.activateById(sidebar.id);
  addPanelCommands(context, reveal, name => sidebar.openSection(name));
  const sidebar = makeSidebar(context, words);
  app.shell.add(sidebar, 'left', { rank: 600, type: 'Edge' });
  restorer?.add(sidebar, sidebar.id);
  addToPalette(app, palette, trans.__('Edge'));
  sidebar.shown.connect(() => void live.show());
  void keepState(state, model, sidebar).then(() => live.start());
  preferences.changed.connect(() => (live.seconds = preferences.refreshInterval));
  settings?.load(ID).then(
    loaded => preferences.follow(loaded),
    (error: unknown) => console.error(`The settings of ${ID} could not be read.`, error)
  );
  model.engine.changed.connect(compare, { context, said: false });
  labShell?.layoutModified.connect(() => sidebar.isVisible && void live.show());
  return { ...context, reveal, panel: sidebar };
}

/** Make the sidebar, and a command of each action of each section. */
function makeSidebar(context: IContext, translator: ITranslator): Sidebar {
  const widgets: AnySection[] = [];
  forEachSection(context, section => {
    const widget = new SectionWidget(context, section);
    addRowCommands(context, section, () => widget.focused);
    widgets.push(widget as unknown as AnySection);
  });
  return new Sidebar(context, widgets, translator);
}

function addToPalette(app: JupyterFrontEnd, palette: ICommandPalette | null, category: string): void {
  for (const command of app.commands.listCommands()) {
    if (command.startsWith('jupyter-edge:')) {
      palette?.addItem({ command, category, args: { isPalette: true } });
    }
  }
}

/** Say once how front end and server come to be of one release, where they are not. */
function compare(this: { context: IContext; said: boolean }): void {
  const { model, trans } = this.context;
  const { serverVersion } = model.engine;
  const mismatch = serverVersion === null ? null : compareVersions(VERSION, serverVersion);
  if (mismatch && !this.said) {
    this.said = true;
    notifyMismatch(trans, VERSION, serverVersion ?? '', mismatch.pip);
  }
}
