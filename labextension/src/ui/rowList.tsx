import { useVirtualizer } from '@tanstack/react-virtual';
import * as React from 'react';

import { Row } from './row';
import type { IContext, ISection } from './section';

const rowPixels = (): number => 40;
/** How many rows before the end the next page is asked for. */
const AHEAD = 20;

interface IRowListProps<T> {
  context: IContext;
  section: ISection<T>;
  /** Another number at each change of what rows show: between those, scrolling draws only rows that come into view. */
  drawing: number;
}

/** The rows of a section, as a grid of which only what is in view is drawn; one row takes the focus at a time. */
export function RowList<T>({ context, section, drawing }: IRowListProps<T>): React.JSX.Element {
  const { list } = section;
  const scroller = React.useRef<HTMLDivElement>(null);
  const [current, setCurrent] = React.useState<string | null>(null);
  const [pointed, setPointed] = React.useState<string | null>(null);
  const [opened, setOpened] = React.useState<ReadonlySet<string>>(new Set());
  const keys = React.useMemo(() => list.items.map(section.key), [list.items, section]);
  const index = Math.max(0, current === null ? 0 : keys.indexOf(current));
  const virtualizer = useVirtualizer({
    count: keys.length,
    getScrollElement: () => scroller.current,
    estimateSize: rowPixels,
    getItemKey: React.useCallback((position: number) => keys[position] ?? position, [keys]), // else all is laid out anew
    overscan: 8
  });
  const shown = virtualizer.getVirtualItems();
  const last = shown[shown.length - 1]?.index ?? 0;
  React.useEffect(() => {
    if (list.hasMore && last >= keys.length - AHEAD) {
      void list.grow();
    }
  }, [list, list.hasMore, last, keys.length]);

  const focusRow = (position: number): void => {
    const target = Math.min(Math.max(position, 0), keys.length - 1);
    setCurrent(keys[target] ?? null);
    virtualizer.scrollToIndex(target);
    requestAnimationFrame(() => {
      scroller.current?.querySelector<HTMLElement>(`[data-index="${target}"]`)?.focus();
    });
  };
  const toggle = React.useCallback((key: string) => setOpened(before => toggled(before, key)), []);
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const target = targetOf(event.key, index, keys.length);
    if (target !== null) {
      event.preventDefault();
      focusRow(target);
    }
  };

  return (
    <div
      className="jp-Edge-scroller"
      ref={scroller}
      role="presentation"
      onKeyDown={onKeyDown}
      onPointerOver={event => setPointed(keyAt(event.target))} // a row that is scrolled away hears of no leave
      onPointerLeave={() => setPointed(null)}
    >
      <div
        className="jp-Edge-rows"
        role="treegrid"
        aria-label={section.title}
        aria-rowcount={list.total ?? keys.length}
        style={{ height: virtualizer.getTotalSize() }}
      >
        {shown.map(({ index: position, start }) => {
          const row = list.items[position];
          const key = keys[position];
          return row === undefined || key === undefined ? null : (
            <Row
              key={key}
              context={context}
              section={section}
              row={row}
              rowKey={key}
              index={position}
              start={start}
              measure={virtualizer.measureElement}
              isCurrent={position === index}
              isPointed={key === pointed}
              isOpen={opened.has(key)}
              drawing={drawing}
              onFocus={setCurrent}
              onToggle={toggle}
            />
          );
        })}
      </div>
    </div>
  );
}

/** Return where a key moves the focus to, or null for a key that does not move it. */
export function targetOf(key: string, index: number, count: number): number | null {
  const page = 10;
  const targets: Record<string, number> = {
    ArrowDown: index + 1,
    ArrowUp: index - 1,
    Home: 0,
    End: count - 1,
    PageDown: index + page,
    PageUp: index - page
  };
  return targets[key] ?? null;
}

/** The key of the row that an element is in. */
function keyAt(target: EventTarget): string | null {
  const row = target instanceof Element ? target.closest<HTMLElement>('[role="row"]') : null;
  return row?.dataset.key ?? null;
}

function toggled(opened: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(opened);
  if (!next.delete(key)) {
    next.add(key);
  }
  return next;
}
