import { CommandToolbarButton, ReactWidget, Toolbar } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import * as React from 'react';

import { commandId, type IContext, type ISection } from './section';
import { SectionView } from './sectionView';

/** A section of the panel as JupyterLab's accordion takes it, with a count and buttons in its title. */
export class SectionWidget<T> extends ReactWidget {
  constructor(
    private readonly context: IContext,
    readonly section: ISection<T>
  ) {
    super();
    this.id = `jupyter-edge-${section.name}`;
    this.title.label = section.title;
    this.addClass('jp-Edge-section');
    this.toolbar = new Toolbar();
    this.toolbar.addItem('count', new Count(section));
    for (const id of section.toolbar ?? []) {
      this.toolbar.addItem(
        id,
        new CommandToolbarButton({ commands: context.commands, id: commandId(id), label: '' })
      );
    }
    section.list.changed.connect(this.update, this);
    context.model.chosen.connect(this.update, this);
  }

  /** What the accordion shows in the section's title. */
  readonly toolbar: Toolbar;

  /** The key of the row that was last in focus. */
  get focused(): string | null {
    const row = this.node.querySelector<HTMLElement>('[role="row"][aria-selected="true"]');
    return row?.dataset.key ?? null;
  }

  override render(): React.JSX.Element {
    this._drawing += 1;
    return <SectionView context={this.context} section={this.section} drawing={this._drawing} />;
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    void this.context.model.open(this.section.name);
  }

  private _drawing = 0;
}

/** How many rows there are, as the engine counts them. */
class Count<T> extends ReactWidget {
  constructor(private readonly section: ISection<T>) {
    super();
    this.addClass('jp-Edge-count');
    section.list.changed.connect(this.update, this);
  }

  override render(): React.JSX.Element {
    const { total, items, hasMore, isCut, isKnown } = this.section.list;
    const count = (total ?? items.length).toLocaleString();
    return <span>{isKnown ? `${count}${total === null && (hasMore || isCut) ? '+' : ''}` : ''}</span>;
  }
}
