import type { JupyterFrontEnd } from '@jupyterlab/application';
import { DocumentWidget } from '@jupyterlab/docregistry';
import type { INotebookContent } from '@jupyterlab/nbformat';
import type { Widget } from '@lumino/widgets';

/** Return the widget of the main area that holds an element. */
export function notebookAt(app: JupyterFrontEnd, target: EventTarget | null): Widget | null {
  return [...app.shell.widgets('main')].find(({ node }) => node.contains(target as Node | null)) ?? null;
}

/** Return the sources of a notebook's code cells above the one of index `end`; none of what is no notebook. */
export function cellsAbove(widget: Widget | null, end: number): string[] {
  if (!(widget instanceof DocumentWidget) || !widget.context.path.endsWith('.ipynb')) {
    return [];
  }
  const { cells = [] } = (widget as DocumentWidget).context.model.toJSON() as Partial<INotebookContent>;
  return cells
    .slice(0, end)
    .filter(cell => cell.cell_type === 'code')
    .map(({ source }) => (Array.isArray(source) ? source.join('') : source));
}

/** Return the index of the cell that an element is in; without one, that after the last. */
export function indexOf(element: Element | null | undefined): number {
  const index = element?.closest<HTMLElement>('.jp-Cell')?.dataset.windowedListIndex;
  return index === undefined ? Infinity : Number(index);
}
