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
  for (const action of section.actions) {
    context.commands.addCommand(commandId(action.id), {
      label: action.label,
      caption: action.caption,
      icon: args => (args.isPalette ? undefined : action.icon),
      describedBy: { args: schemaOf(context, section) },
      isEnabled: args => mayRun(section, action, keyOf(args)),
      execute: async args => {
        try {
          await action.run(await rowFor(context, section, action, keyOf(args)));
        } catch (error) {
          notifyError(error, context.trans);
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

/** Whether an action can be done with a row; one that was not read yet is looked at when it comes to that. */
function mayRun<T>({ list, key }: ISection<T>, action: IAction<T>, wanted: string | null): boolean {
  const row = list.items.find(one => key(one) === wanted);
  return row === undefined ? wanted !== null : isOffered(action, row);
}

function isOffered<T>(action: IAction<T>, row: T): boolean {
  return action.isOffered?.(row) ?? true;
}

/**
 * Return the row that a command is about, read from the engine where it is not in the list.
 *
 * @throws Error if there is none, or the action does not go with it.
 */
async function rowFor<T>(
  { model, trans }: IContext,
  { title, list, key, face }: ISection<T>,
  action: IAction<T>,
  wanted: string | null
): Promise<T> {
  if (wanted === null) {
    throw new Error(trans.__('No row of “%1” is chosen: choose one in the Edge panel first.', title));
  }
  if (model.workspace === null) {
    await model.refresh(null);
  }
  const row = await list.find(one => key(one) === wanted);
  if (row === undefined) {
    const place = model.workspace?.name ?? '';
    throw new Error(
      trans.__(
        '“%1” of workspace “%2” has no row %3: it was deleted, or is another workspace’s.',
        title,
        place,
        wanted
      )
    );
  }
  if (!isOffered(action, row)) {
    throw new Error(trans.__('“%1” does not take “%2” as it is now.', face(row).title, action.label));
  }
  return row;
}
