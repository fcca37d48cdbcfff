import { addPanelCommand } from './commands';
import type { SectionName } from './model/edge';
import { uploadModel } from './sections/models';
import { newPipeline } from './sections/newPipeline';
import { newWorkspace } from './sections/workspaces';
import { edgeIcon } from './ui/icons';
import { commandId, type IContext } from './ui/section';

/** Register what concerns the panel as a whole. */
export function addPanelCommands(
  context: IContext,
  reveal: () => void,
  open: (name: SectionName) => void
): void {
  const { model, commands, trans } = context;
  const look = (): void => commands.notifyCommandChanged();
  model.engine.changed.connect(look);
  model.chosen.connect(look);
  addPanelCommand(context, {
    id: 'show',
    label: trans.__('Show Edge'),
    caption: trans.__('Show models, pipelines and edges in the sidebar'),
    icon: edgeIcon,
    run: reveal
  });
  addPanelCommand(context, {
    id: 'refresh',
    label: trans.__('Refresh Edge'),
    caption: trans.__('Ask the engine again for everything that is shown'),
    run: () => model.refresh(null).catch(() => undefined) // the panel says why
  });
  addPanelCommand(context, {
    id: 'start-engine',
    label: trans.__('Start Engine'),
    caption: trans.__('Start the engine of this Jupyter server'),
    isEnabled: () => model.engine.isLocal && !model.engine.isRunning && !model.engine.isStarting,
    run: async () => {
      await model.engine.start();
      if (model.engine.isRunning) {
        await model.refresh(null);
      }
    }
  });
  addPanelCommand(context, uploadModel(context));
  addPanelCommand(context, newPipeline(context));
  addPanelCommand(context, newWorkspace(context));
  commands.addCommand(commandId('open-section'), {
    label: trans.__('Open a Section of Edge'),
    caption: trans.__('Show the panel with a section opened'),
    describedBy: {
      args: {
        type: 'object',
        properties: { section: { type: 'string', enum: Object.keys(model.lists) } },
        required: ['section']
      }
    },
    isVisible: args => args.isPalette !== true,
    execute: args => {
      reveal();
      open(args.section as SectionName);
    }
  });
}
