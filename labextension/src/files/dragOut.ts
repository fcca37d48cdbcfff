import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICodeCell } from '@jupyterlab/nbformat';
import { MimeData } from '@lumino/coreutils';
import { Drag } from '@lumino/dragdrop';

import type { IEdgePanel } from '../tokens';
import { withExtension } from './code';
import { cellsAbove, indexOf, notebookAt } from './notebooks';
import { codeOfElement } from './things';

const CELLS = 'application/vnd.jupyter.cells';
/** How far the pointer moves until a press becomes a drag. */
const THRESHOLD = 5;

/** Let rows of the panel be dragged into notebooks, where they become cells. */
export function letRowsBeDragged(app: JupyterFrontEnd, edge: IEdgePanel): void {
  edge.panel.node.addEventListener('pointerdown', event => {
    const target = event.target as Element;
    const isHandle = event.button === 0 && event.pointerType === 'mouse' && target.closest('.jp-Edge-line');
    const code = isHandle && !target.closest('button') ? codeOfElement(edge, target) : null;
    if (code !== null) {
      void begin(app, event, code).catch(() => undefined); // without code there is nothing to drag
    }
  });
}

/** Wait until the pointer has moved while pressed, then drag. */
async function begin(app: JupyterFrontEnd, press: PointerEvent, wanted: Promise<string>): Promise<void> {
  const [code, event] = await Promise.all([wanted, moved(press)]);
  if (event === null || event.released.aborted) {
    return;
  }
  const mimeData = new MimeData();
  mimeData.setData('text/plain', code);
  const drag = new Drag({
    mimeData,
    dragImage: imageOf(press.target as Element),
    supportedActions: 'copy',
    proposedAction: 'copy'
  });
  const fill = ({ target }: Event): void => {
    const others = cellsAbove(notebookAt(app, target), indexOf(target as Element)); // it comes above the cell there
    mimeData.setData(CELLS, [cellOf(withExtension(code, others))]);
  };
  fill(press);
  document.addEventListener('lm-dragenter', fill, true);
  try {
    await drag.start(event.x, event.y);
  } finally {
    document.removeEventListener('lm-dragenter', fill, true);
    drag.dispose();
  }
}

interface IMoved {
  x: number;
  y: number;
  released: AbortSignal;
}

/** Resolves once the pointer has moved while pressed, with what tells where it is from then on, and if it was released. */
function moved(press: PointerEvent): Promise<IMoved | null> {
  const released = new AbortController();
  const ended = new AbortController();
  const pointer = { x: press.clientX, y: press.clientY, released: released.signal };
  return new Promise(resolve => {
    const end = (): void => {
      released.abort();
      ended.abort();
      resolve(null);
    };
    const onMove = ({ clientX: x, clientY: y }: PointerEvent): void => {
      Object.assign(pointer, { x, y }); // the code may still be on its way when the pointer has come to rest
      if (Math.hypot(x - press.clientX, y - press.clientY) >= THRESHOLD) {
        resolve(pointer);
      }
    };
    const options = { capture: true, signal: ended.signal };
    document.addEventListener('pointermove', onMove, options);
    document.addEventListener('selectstart', event => event.preventDefault(), options);
    for (const type of ['pointerup', 'pointercancel']) {
      document.addEventListener(type, end, options);
    }
  });
}

function cellOf(source: string): ICodeCell {
  return { cell_type: 'code', source, metadata: {}, outputs: [], execution_count: null };
}

function imageOf(target: Element): HTMLElement {
  const image = document.createElement('div');
  image.className = 'jp-Edge-dragImage';
  image.textContent = target.closest('[role="row"]')?.querySelector('.jp-Edge-title')?.textContent ?? '';
  return image;
}
