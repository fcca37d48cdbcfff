import { caretDownIcon, caretUpIcon } from '@jupyterlab/ui-components';
import { useVirtualizer } from '@tanstack/react-virtual';
import * as React from 'react';

import type { ISorting, SortValue } from '../model/sorting';
import { targetOf } from '../ui/rowList';

const HEAD = 28;
const ROW = 28;
/** How many rows before the end more are asked for. */
const AHEAD = 20;

/** A column: `width` as a track of a CSS grid; one with `worth` can be sorted by. */
export interface IColumn<T> {
  id: string;
  label: string;
  width: string;
  isNumber?: boolean;
  cell: (row: T) => React.ReactNode;
  worth?: (row: T) => SortValue;
}

interface ITableProps<T> {
  label: string;
  columns: ReadonlyArray<IColumn<T>>;
  rows: readonly T[];
  keyOf: (row: T) => string;
  /** How many rows are in view at most. */
  most: number;
  sorting?: ISorting;
  onSort?: (column: string) => void;
  /** Asks for more rows. */
  onEnd?: () => void;
  /** What a double click and Enter do. */
  onOpen?: (row: T) => void;
}

/** A table of which only the rows in view are drawn; one row takes the focus at a time. */
export function Table<T>(props: ITableProps<T>): React.JSX.Element {
  const { columns, rows, keyOf, most, onEnd, onOpen } = props;
  const scroller = React.useRef<HTMLDivElement>(null);
  const [current, setCurrent] = React.useState<string | null>(null); // by its key, as rows come before it
  const index = Math.max(0, current === null ? 0 : rows.findIndex(row => keyOf(row) === current));
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 8,
    paddingStart: HEAD,
    scrollPaddingStart: HEAD
  });
  const shown = virtualizer.getVirtualItems();
  const last = shown[shown.length - 1]?.index ?? 0;
  const isNearEnd = last >= rows.length - AHEAD;
  React.useEffect(() => {
    if (isNearEnd) {
      onEnd?.();
    }
  }, [isNearEnd, rows.length, onEnd]);

  const focusRow = (position: number): void => {
    const target = Math.min(Math.max(position, 0), rows.length - 1);
    setCurrent(rows[target] === undefined ? null : keyOf(rows[target]));
    virtualizer.scrollToIndex(target);
    requestAnimationFrame(() => {
      scroller.current?.querySelector<HTMLElement>(`[data-index="${target}"]`)?.focus();
    });
  };
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const target = targetOf(event.key, index, rows.length);
    const row = rows[index];
    if (target !== null) {
      event.preventDefault();
      focusRow(target);
    } else if (event.key === 'Enter' && row !== undefined && event.target instanceof HTMLDivElement) {
      onOpen?.(row);
    }
  };
  const template = { gridTemplateColumns: columns.map(({ width }) => width).join(' ') };

  return (
    <div
      className="jp-Edge-tableScroller"
      ref={scroller}
      role="presentation"
      style={{ height: HEAD + ROW * Math.min(most, Math.max(1, rows.length)) + 2 }}
      onKeyDown={onKeyDown}
    >
      <div
        className="jp-Edge-table"
        role="grid"
        aria-label={props.label}
        aria-rowcount={rows.length + 1}
        aria-colcount={columns.length}
        style={{ height: virtualizer.getTotalSize() }}
      >
        <TableHead {...props} template={template} />
        {shown.map(({ index: position, start }) => {
          const row = rows[position];
          return row === undefined ? null : (
            <div
              key={keyOf(row)}
              data-index={position}
              data-key={keyOf(row)}
              className="jp-Edge-tableRow"
              role="row"
              aria-rowindex={position + 2}
              tabIndex={position === index ? 0 : -1}
              style={{ ...template, transform: `translateY(${start}px)` }}
              onFocus={() => setCurrent(keyOf(row))}
              onDoubleClick={() => onOpen?.(row)}
            >
              {columns.map(column => (
                <div key={column.id} role="gridcell" className={cellClass(column)}>
                  {column.cell(row)}
                </div>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function cellClass<T>({ isNumber }: IColumn<T>): string {
  return isNumber ? 'jp-Edge-tableCell jp-mod-number' : 'jp-Edge-tableCell';
}

function TableHead<T>(props: ITableProps<T> & { template: React.CSSProperties }): React.JSX.Element {
  const { columns, sorting, onSort, template } = props;
  return (
    <div className="jp-Edge-tableHead" role="row" aria-rowindex={1} style={template}>
      {columns.map(column => {
        const isChosen = sorting?.column === column.id;
        const order = isChosen ? (sorting.isDescending ? 'descending' : 'ascending') : 'none';
        const Icon = order === 'descending' ? caretDownIcon : caretUpIcon;
        return column.worth && onSort ? (
          <div key={column.id} role="columnheader" aria-sort={order} className={cellClass(column)}>
            <button type="button" className="jp-Edge-sort" onClick={() => onSort(column.id)}>
              <span>{column.label}</span>
              {isChosen && <Icon.react tag="span" className="jp-Edge-sortMark" />}
            </button>
          </div>
        ) : (
          <div key={column.id} role="columnheader" className={cellClass(column)}>
            {column.label}
          </div>
        );
      })}
    </div>
  );
}
