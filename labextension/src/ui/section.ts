import type { LabIcon } from '@jupyterlab/ui-components';
import type { ReadonlyJSONObject } from '@lumino/coreutils';
import type { CommandRegistry } from '@lumino/commands';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReactNode } from 'react';

import type { EdgeModel, SectionName } from '../model/edge';
import type { ListModel } from '../model/list';
import type { Preferences } from './preferences';

/** What sections, actions and commands have in common. */
export interface IContext {
  model: EdgeModel;
  commands: CommandRegistry;
  trans: TranslationBundle;
  preferences: Preferences;
}

/** How a row looks; `tone` colours the mark before it, and `state` says in a word what the colour means. */
export interface IRowFace {
  title: string;
  subtitle?: ReactNode;
  aside?: ReactNode;
  state?: string;
  tone?: 'good' | 'busy' | 'bad' | 'idle';
  progress?: number;
}

/** Something that is done with a row; each is a command of its own. */
export interface IAction<T> {
  /** The command is `jupyter-edge:<id>`. */
  id: string;
  label: string;
  caption: string;
  icon?: LabIcon;
  /** Whether the row shows a button for it. */
  isQuick?: boolean;
  /** Whether it goes with this row; with all where it is left out. */
  isOffered?: (row: T) => boolean;
  run: (row: T) => Promise<void>;
}

/** What an empty section says: what would be here, and how it gets there. */
export interface IEmptyState {
  what: string;
  next: string;
  /** A line of a notebook that does it. */
  code?: string;
  /** A command that does it. */
  command?: string;
}

/** A section of the panel: a noun, how its rows look, and what is done with them. */
export interface ISection<T> {
  name: SectionName;
  title: string;
  list: ListModel<T>;
  key: (row: T) => string;
  face: (row: T) => IRowFace;
  /** Names and values that an opened row shows. */
  details: (row: T) => ReadonlyArray<readonly [string, ReactNode]>;
  actions: ReadonlyArray<IAction<T>>;
  /** What Enter and a double click do; a row without it opens its details. */
  primary?: string;
  empty: () => IEmptyState;
  /** Commands with a button in the section's title. */
  toolbar?: readonly string[];
  /** What stands above the rows. */
  head?: () => ReactNode;
  /** What stands below rows of which there are more than the list shows. */
  cut?: () => string;
}

/** The full id of a command. */
export function commandId(id: string): string {
  return `jupyter-edge:${id}`;
}

/** The arguments with which an action's command is told the row. */
export function rowArgs(key: string): ReadonlyJSONObject {
  return { id: key };
}
