import { ellipsesIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { RowFace } from './rowFace';
import { openRowMenu } from './rowMenu';
import { commandId, rowArgs, type IAction, type IContext, type ISection } from './section';

interface IRowProps<T> {
  context: IContext;
  section: ISection<T>;
  row: T;
  rowKey: string;
  index: number;
  start: number;
  measure: (element: Element | null) => void;
  isCurrent: boolean;
  isPointed: boolean;
  isOpen: boolean;
  drawing: number;
  onFocus: (key: string) => void;
  onToggle: (key: string) => void;
}

/**
 * A row: what it is, and its details once opened. Buttons for what is often done with it, and a menu for the rest, come
 * with the pointer or the focus: drawn in each row, they would take most of the time of scrolling.
 */
export const Row = React.memo(WholeRow) as typeof WholeRow;

function WholeRow<T>(props: IRowProps<T>): React.JSX.Element {
  const { context, section, row, rowKey, index, isCurrent, isPointed, isOpen } = props;
  const offered = section.actions.filter(action => action.isOffered?.(row) ?? true);
  const run = (id: string): void => void context.commands.execute(commandId(id), rowArgs(rowKey));
  const showMenu = (event: React.SyntheticEvent, x: number, y: number): void => {
    event.preventDefault();
    event.stopPropagation();
    openRowMenu(context.commands, offered, rowKey, x, y);
  };
  const primary = offered.find(action => action.id === section.primary);
  const toggle = (): void => props.onToggle(rowKey);
  const begin = (): void => (primary ? run(primary.id) : toggle());

  return (
    <div
      ref={props.measure}
      data-index={index}
      data-key={rowKey}
      className="jp-Edge-row"
      role="row"
      aria-level={1}
      aria-rowindex={index + 1}
      aria-expanded={isOpen}
      aria-selected={isCurrent}
      tabIndex={isCurrent ? 0 : -1}
      style={{ transform: `translateY(${props.start}px)` }}
      onFocus={() => props.onFocus(rowKey)}
      onDoubleClick={begin}
      onContextMenu={event => showMenu(event, event.clientX, event.clientY)}
      onKeyDown={event => onRowKey(event, { begin, toggle, remove: removal(offered, run), showMenu })}
    >
      <div className="jp-Edge-line">
        <div className="jp-Edge-cell" role="gridcell">
          <RowButton
            label={isOpen ? context.trans.__('Hide details') : context.trans.__('Show details')}
            className="jp-Edge-caret"
            onClick={toggle}
          >
            <Caret />
          </RowButton>
          <RowFace face={section.face(row)} />
        </div>
        {(isPointed || isCurrent) && offered.length > 0 && (
          <Actions trans={context.trans} offered={offered} run={run} showMenu={showMenu} />
        )}
      </div>
      {isOpen && <Details pairs={section.details(row)} />}
    </div>
  );
}

interface IActionsProps<T> {
  trans: IContext['trans'];
  offered: ReadonlyArray<IAction<T>>;
  run: (id: string) => void;
  showMenu: (event: React.SyntheticEvent, x: number, y: number) => void;
}

function Actions<T>({ trans, offered, run, showMenu }: IActionsProps<T>): React.JSX.Element {
  return (
    <div className="jp-Edge-actions" role="gridcell">
      {offered.map(({ id, label, icon, isQuick }) =>
        isQuick && icon ? (
          <RowButton key={id} label={label} onClick={() => run(id)}>
            <icon.react tag="span" />
          </RowButton>
        ) : null
      )}
      <RowButton
        label={trans.__('More actions')}
        onClick={event => {
          const { left, bottom } = event.currentTarget.getBoundingClientRect();
          showMenu(event, left, bottom);
        }}
      >
        <ellipsesIcon.react tag="span" />
      </RowButton>
    </div>
  );
}

/** JupyterLab's caret, without what its icons cost in every row. */
function Caret(): React.JSX.Element {
  return (
    <svg viewBox="0 0 18 18" aria-hidden="true">
      <path className="jp-icon3" fill="#616161" d="M7.2 5.2 10.9 9l-3.7 3.8V5.2z" />
    </svg>
  );
}

interface IRowButtonProps {
  label: string;
  className?: string;
  onClick: (event: React.MouseEvent<HTMLElement>) => void;
  children: React.ReactNode;
}

/** A button in a row: the arrow keys reach it, Tab passes it by. */
function RowButton({ label, className = '', onClick, children }: IRowButtonProps): React.JSX.Element {
  return (
    <button
      type="button"
      className={`jp-Edge-button ${className}`}
      title={label}
      aria-label={label}
      tabIndex={-1}
      onDoubleClick={event => event.stopPropagation()}
      onClick={event => {
        event.stopPropagation();
        onClick(event);
      }}
    >
      {children}
    </button>
  );
}

function Details({ pairs }: { pairs: ReadonlyArray<readonly [string, React.ReactNode]> }): React.JSX.Element {
  return (
    <div role="gridcell">
      <dl className="jp-Edge-details">
        {pairs.map(([name, value]) => (
          <React.Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </React.Fragment>
        ))}
      </dl>
    </div>
  );
}

interface IRowKeys {
  begin: () => void;
  toggle: () => void;
  remove: () => void;
  showMenu: (event: React.SyntheticEvent, x: number, y: number) => void;
}

function onRowKey(event: React.KeyboardEvent<HTMLElement>, keys: IRowKeys): void {
  const row = event.currentTarget;
  const isMenu = event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey);
  if (isMenu) {
    const { left, bottom } = row.getBoundingClientRect();
    keys.showMenu(event, left, bottom);
  } else if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') {
    moveAlong(row, event.key === 'ArrowRight' ? 1 : -1);
  } else if (event.target === row) {
    const does: Record<string, () => void> = { Enter: keys.begin, ' ': keys.toggle, Delete: keys.remove };
    if (!does[event.key]) {
      return;
    }
    does[event.key]?.();
  } else {
    return;
  }
  event.preventDefault();
}

/** Move the focus between a row and the buttons in it. */
function moveAlong(row: HTMLElement, step: number): void {
  const places = [row, ...row.querySelectorAll<HTMLElement>('.jp-Edge-line button')];
  const at = places.indexOf(document.activeElement as HTMLElement);
  places[at + step]?.focus();
}

/** What the Delete key does: the action that takes the row away, if there is one. */
function removal<T>(offered: ReadonlyArray<IAction<T>>, run: (id: string) => void): () => void {
  const action = offered.find(({ id }) => id.startsWith('delete-') || id.startsWith('remove-'));
  return () => (action ? run(action.id) : undefined);
}
