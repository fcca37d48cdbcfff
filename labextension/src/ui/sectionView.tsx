import * as React from 'react';

import { RowList } from './rowList';
import type { IContext, ISection } from './section';
import { commandId } from './section';

interface ISectionProps<T> {
  context: IContext;
  section: ISection<T>;
}

interface ISectionViewProps<T> extends ISectionProps<T> {
  /** Another number each time. */
  drawing: number;
}

/** A section: its rows, or why there are none. */
export function SectionView<T>({ context, section, drawing }: ISectionViewProps<T>): React.JSX.Element {
  const { list } = section;
  let body: React.JSX.Element;
  if (list.items.length > 0) {
    body = <RowList context={context} section={section} drawing={drawing} />;
  } else if (list.error) {
    body = <ListError context={context} section={section} />;
  } else if (!list.isKnown) {
    body = <p className="jp-Edge-note">{context.trans.__('Loading…')}</p>;
  } else {
    body = <Empty context={context} section={section} />;
  }
  return (
    <>
      {section.head?.()}
      {list.items.length > 0 && list.error && <ListError context={context} section={section} />}
      {body}
      {list.isCut && <p className="jp-Edge-note">{section.cut?.()}</p>}
    </>
  );
}

function ListError<T>({ context, section }: ISectionProps<T>): React.JSX.Element {
  const { trans } = context;
  return (
    <div className="jp-Edge-note jp-mod-error" role="alert">
      <p>{trans.__('%1 could not be read: %2', section.title, section.list.error?.message ?? '')}</p>
      <button type="button" className="jp-Edge-next" onClick={() => void section.list.refresh()}>
        {trans.__('Retry')}
      </button>
    </div>
  );
}

function Empty<T>({ context, section }: ISectionProps<T>): React.JSX.Element {
  const { trans, commands } = context;
  if (section.list.filter) {
    return <p className="jp-Edge-note">{trans.__('No name contains “%1”.', section.list.filter)}</p>;
  }
  const { what, next, code, command } = section.empty();
  return (
    <div className="jp-Edge-note">
      <p>
        {what} {next}
      </p>
      {code && <code className="jp-Edge-code">{code}</code>}
      {command && (
        <button
          type="button"
          className="jp-Edge-next"
          onClick={() => void commands.execute(commandId(command))}
        >
          {commands.label(commandId(command))}
        </button>
      )}
    </div>
  );
}
