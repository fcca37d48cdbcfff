import { Notification } from '@jupyterlab/apputils';
import type { Drag } from '@lumino/dragdrop';

import type { IPipeline } from '../model/types';
import { notifyError } from '../ui/notify';
import type { IEdgePanel } from '../tokens';
import { inferOn } from './infer';
import { kindOf } from './kinds';
import { nameOf, uploadFiles, type AnyFile } from './upload';

const CONTENTS = 'application/x-jupyter-icontents';
/** How long files are held over the panel's tab until the panel comes into view. */
const DWELL_MS = 500;

/** Takes files that are dropped on the panel, from the desktop or from the file browser. */
export class DropTarget {
  constructor(
    private readonly edge: IEdgePanel,
    private readonly onServer: (path: string) => string
  ) {
    this.face = document.createElement('div');
    this.face.className = 'jp-Edge-dropFace';
    this.face.hidden = true;
    edge.panel.node.append(this.face);
    for (const [type, listen] of Object.entries(this.listeners)) {
      edge.panel.node.addEventListener(type, listen as (event: Event) => void);
    }
    for (const type of ['dragenter', 'lm-dragenter']) {
      document.addEventListener(type, event => this.dwell(event), true);
    }
  }

  private readonly listeners: Record<string, (event: DragEvent & Drag.Event) => void> = {
    dragenter: event => this.hover(event, hasFiles(event)),
    dragover: event => this.hover(event, hasFiles(event)),
    dragleave: event => this.leave(event),
    drop: event => {
      if (hasFiles(event)) {
        this.drop(event, [...(event.dataTransfer?.files ?? [])]);
      }
    },
    'lm-dragenter': event => this.hover(event, event.mimeData.hasData(CONTENTS)),
    'lm-dragover': event => {
      event.dropAction = event.proposedAction;
      this.hover(event, event.mimeData.hasData(CONTENTS));
    },
    'lm-dragleave': event => this.leave(event),
    'lm-drop': event => {
      if (event.mimeData.hasData(CONTENTS)) {
        event.dropAction = 'none'; // nothing is moved
        const paths = event.mimeData.getData(CONTENTS) as string[];
        this.drop(event, paths.map(this.onServer));
      }
    }
  };

  private hover(event: DragEvent | Drag.Event, isOurs: boolean): void {
    if (isOurs) {
      event.preventDefault();
      event.stopPropagation();
      const { trans, model } = this.edge;
      const pipeline = this.pipelineAt(event.target);
      this.face.textContent = pipeline
        ? trans.__('Drop an .arrow or .json file to infer with “%1”', pipeline.name)
        : trans.__(
            'Drop .onnx files to upload them to “%1”, an .arrow or .json file to infer on it',
            model.workspace?.name ?? trans.__('Edge')
          );
      this.face.hidden = false;
    }
  }

  private leave(event: MouseEvent): void {
    if (!this.edge.panel.node.contains(event.relatedTarget as Node | null)) {
      this.face.hidden = true;
    }
  }

  private drop(event: DragEvent | Drag.Event, files: readonly AnyFile[]): void {
    event.preventDefault();
    event.stopPropagation();
    this.face.hidden = true;
    this.take(files, this.pipelineAt(event.target)).catch((error: unknown) =>
      notifyError(error, this.edge.trans)
    );
  }

  private async take(files: readonly AnyFile[], pipeline: IPipeline | null): Promise<void> {
    const of = (kind: ReturnType<typeof kindOf>): AnyFile[] =>
      files.filter(file => kindOf(nameOf(file)) === kind);
    const refused = of(null);
    if (refused.length > 0) {
      const { trans } = this.edge;
      const names = refused.slice(0, 3).map(nameOf).join(', ') + (refused.length > 3 ? ', …' : '');
      Notification.error(
        trans.__(
          'Edge cannot take %1: drop .onnx files as models, .arrow or .json files to infer on.',
          names
        ),
        { autoClose: false }
      );
    }
    const models = of('model');
    if (models.length > 0) {
      await uploadFiles(this.edge, models);
    }
    for (const file of of('data')) {
      await inferOn(this.edge, file, pipeline);
    }
  }

  /** Return the deployed pipeline whose row files are held over. */
  private pipelineAt(target: EventTarget | null): IPipeline | null {
    const row = target instanceof Element ? target.closest<HTMLElement>('[role="row"]') : null;
    if (!row?.closest('#jupyter-edge-pipelines')) {
      return null;
    }
    const found = this.edge.model.lists.pipelines.items.find(({ id }) => String(id) === row.dataset.key);
    return found?.deployment?.deployed ? found : null;
  }

  /** Show the panel to files that are held over its tab for a while. */
  private dwell({ target }: Event): void {
    if (target === document.body) {
      return; // told of each place that refuses a drag, too
    }
    clearTimeout(this.timer);
    if (target instanceof Element && target.closest(`[data-id="${this.edge.panel.id}"]`)) {
      this.timer = setTimeout(this.edge.reveal, DWELL_MS);
    }
  }

  private readonly face: HTMLElement;
  private timer: ReturnType<typeof setTimeout> | undefined;
}

function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes('Files') ?? false;
}
