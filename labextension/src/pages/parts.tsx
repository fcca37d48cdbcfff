import * as React from 'react';

import type { PageModel } from '../model/page';
import { RANGES, type Range } from '../model/timings';
import { EngineNote } from '../ui/engineDown';
import type { IContext, IEmptyState, IRowFace } from '../ui/section';

interface ICardProps {
  title: string;
  aside?: React.ReactNode;
  isWide?: boolean;
  children: React.ReactNode;
}

/** A part of a page, with a headline. */
export function Card({ title, aside, isWide, children }: ICardProps): React.JSX.Element {
  const id = React.useId();
  return (
    <section className={isWide ? 'jp-Edge-card jp-mod-wide' : 'jp-Edge-card'} aria-labelledby={id}>
      <div className="jp-Edge-cardHead">
        <h3 id={id}>{title}</h3>
        {aside && <span className="jp-Edge-cardAside">{aside}</span>}
      </div>
      {children}
    </section>
  );
}

/** What a part without content says: what would be here, and how it gets there. */
export function Nothing({ what, next, code }: Partial<IEmptyState>): React.JSX.Element {
  return (
    <div className="jp-Edge-note jp-mod-empty">
      <p>
        {what} {next}
      </p>
      {code && <code className="jp-Edge-code">{code}</code>}
    </div>
  );
}

/** A mark whose colour is a state, and the word for it. */
export function State({ tone, word }: { tone: IRowFace['tone']; word: string }): React.JSX.Element {
  return (
    <span className="jp-Edge-stateMark">
      <span className={`jp-Edge-mark jp-mod-${tone ?? 'idle'}`} aria-hidden="true" />
      {word}
    </span>
  );
}

interface IRangeProps {
  context: IContext;
  value: Range;
  onChange: (range: Range) => void;
}

/** The choice of how far back charts look. */
export function RangeChoice({ context, value, onChange }: IRangeProps): React.JSX.Element {
  const { trans } = context;
  const names: Record<Range, string> = {
    '15m': trans.__('15 min'),
    '1h': trans.__('1 h'),
    '24h': trans.__('24 h'),
    '7d': trans.__('7 d')
  };
  return (
    <div className="jp-Edge-segments" role="group" aria-label={trans.__('How far back the charts look')}>
      {(Object.keys(RANGES) as Range[]).map(range => (
        <button
          key={range}
          type="button"
          aria-pressed={range === value}
          className="jp-Edge-segment"
          onClick={() => onChange(range)}
        >
          {names[range]}
        </button>
      ))}
    </div>
  );
}

/** Why a page cannot be read, above what was known before. */
export function Trouble({ context, page }: { context: IContext; page: PageModel }): React.JSX.Element | null {
  const { trans } = context;
  const { engine, error, readAt } = page;
  if (!engine.isRunning && (error !== null || readAt === null)) {
    return (
      <div className="jp-Edge-trouble">
        <EngineNote context={context} />
        {readAt !== null && (
          <p className="jp-Edge-stale">
            {trans.__('Below is what was known at %1.', new Date(readAt).toLocaleTimeString())}
          </p>
        )}
      </div>
    );
  }
  return error === null ? null : (
    <div className="jp-Edge-trouble">
      <div className="jp-Edge-note jp-mod-error" role="alert">
        <p>{error.message}</p>
        <button
          type="button"
          className="jp-Edge-next"
          onClick={() => void page.refresh(null).catch(() => undefined)}
        >
          {trans.__('Retry')}
        </button>
      </div>
    </div>
  );
}
