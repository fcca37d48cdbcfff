import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyJSONObject, ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { notifyError } from './ui/notify';
import { commandId, type IAction, type IContext, type ISection } from './ui/section';

/** A command of the panel as a whole. */
export interface IPanelCommand {
  id: string;
  label: string;
  caption: string;
  icon?: CommandRegistry.ICommandOptions['icon'];
  isEnabled?: () => boolean;
  /** The schema of each argument; none where it is left out. */
  args?: ReadonlyJSONObject;
  run: (args: ReadonlyPartialJSONObject) => unknown;
}

/** Register a command; what goes wrong in it is shown. */
export function addPanelCommand({ commands, trans }: IContext, command: IPanelCommand): void {
  commands.addCommand(commandId(command.id), {
    label: command.label,
    caption: command.caption,
    icon: command.icon,
    isEnabled: command.isEnabled,
    describedBy: {
      args: { type: 'object', properties: command.args ?? {}, additionalProperties: false }
    },
    execute: async args => {
      try {
        await command.run(args);
      } catch (error) {
        notifyError(error, trans);
      }
    }
  });
}

/** Register the actions of a section; without arguments, a command is about the row that was last in focus. */
export function addRowCommands<T>(
  context: IContext,
  section: ISection<T>,
  focused: () => string | null
): void {
  const keyOf = (args: ReadonlyPartialJSONObject): string | null =>
    typeof args.id === 'string' || typeof args.id === 'number' ? String(args.id) : focused();
  const rowOf = (key: string | null): T | undefined =>
    section.list.items.find(row => section.key(row) === key);
  for (const action of section.actions) {
    context.commands.addCommand(commandId(action.id), {
      label: action.label,
      caption: action.caption,
      icon: args => (args.isPalette ? undefined : action.icon),
      describedBy: { args: schemaOf(context, section) },
      isEnabled: args => isOffered(action, rowOf(keyOf(args))),
      execute: async args => {
        const row = rowOf(keyOf(args));
        if (row !== undefined) {
          await run(action, row, context.trans);
        }
      }
    });
  }
}

function schemaOf<T>({ trans }: IContext, section: ISection<T>): ReadonlyJSONObject {
  const description = trans.__(
    'Which row of “%1”, by its id; the one in focus where it is left out.',
    section.title
  );
  return { type: 'object', properties: { id: { type: ['string', 'integer'], description } } };
}

function isOffered<T>(action: IAction<T>, row: T | undefined): boolean {
  return row !== undefined && (action.isOffered?.(row) ?? true);
}

async function run<T>(action: IAction<T>, row: T, trans: IContext['trans']): Promise<void> {
  try {
    await action.run(row);
  } catch (error) {
    notifyError(error, trans);
  }
}
