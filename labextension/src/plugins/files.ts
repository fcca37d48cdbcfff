import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { fileUploadIcon, runIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { DropTarget } from '../files/dropTarget';
import { addFileTypes } from '../files/fileTypes';
import { addFileViews } from '../files/fileView';
import { inferOn } from '../files/infer';
import { kindOf, type FileKind } from '../files/kinds';
import { uploadFiles } from '../files/upload';
import { IEdgePanel } from '../tokens';
import { notifyError } from '../ui/notify';
import { commandId } from '../ui/section';

const UPLOAD = commandId('upload-files');
const INFER = commandId('infer-with-file');

const files: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-edge:files',
  description: 'Takes files from the file browser and from the desktop: models to upload, data to infer on.',
  autoStart: true,
  requires: [IEdgePanel],
  optional: [IFileBrowserFactory, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    edge: IEdgePanel,
    browsers: IFileBrowserFactory | null,
    palette: ICommandPalette | null
  ): void => {
    addFileTypes(app.docRegistry, edge.trans);
    const selection = new Selection(app, browsers);
    addUpload(edge, selection);
    addInfer(edge, selection);
    addFileViews(app.docRegistry, edge, UPLOAD, INFER);
    for (const command of [UPLOAD, INFER]) {
      palette?.addItem({ command, category: edge.trans.__('Edge'), args: { isPalette: true } });
    }
    new DropTarget(edge, path => selection.onServer(path));
  }
};

export default files;

/** The files that are selected in the file browser. */
class Selection {
  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly browsers: IFileBrowserFactory | null
  ) {}

  /** Return the paths of those selected files that are of a kind. */
  paths(kind: FileKind): string[] {
    const items = [...(this.browsers?.tracker.currentWidget?.selectedItems() ?? [])];
    return items
      .filter(({ type, name }) => type !== 'directory' && kindOf(name) === kind)
      .map(({ path }) => path);
  }

  /** Return a path as the Jupyter server knows it. */
  onServer(path: string): string {
    return this.app.serviceManager.contents.localPath(path);
  }

  /** Show what was written beside a file. */
  async refresh(): Promise<void> {
    await this.browsers?.tracker.currentWidget?.model.refresh();
  }
}

function addUpload(edge: IEdgePanel, selection: Selection): void {
  const { commands, trans } = edge;
  const pathsOf = ({ paths }: ReadonlyPartialJSONObject): string[] =>
    Array.isArray(paths) ? paths.map(String) : selection.paths('model');
  commands.addCommand(UPLOAD, {
    label: args => (args.isPalette ? trans.__('Upload Selected Files to Edge') : trans.__('Upload to Edge')),
    caption: trans.__('Upload the ONNX files that are selected in the file browser to the workspace'),
    icon: args => (args.isPalette ? undefined : fileUploadIcon),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          paths: {
            type: 'array',
            items: { type: 'string' },
            description: trans.__(
              'Paths of ONNX files on the Jupyter server; those selected in the file browser where it is left out.'
            )
          }
        }
      }
    },
    isEnabled: args => pathsOf(args).length > 0,
    execute: async args => {
      try {
        await uploadFiles(
          edge,
          pathsOf(args).map(path => selection.onServer(path))
        );
      } catch (error) {
        notifyError(error, trans);
      }
    }
  });
}

function addInfer(edge: IEdgePanel, selection: Selection): void {
  const { commands, trans } = edge;
  const pathOf = ({ path }: ReadonlyPartialJSONObject): string | undefined =>
    typeof path === 'string' ? path : selection.paths('data')[0];
  commands.addCommand(INFER, {
    label: args => (args.isPalette ? trans.__('Infer with Selected File…') : trans.__('Infer with…')),
    caption: trans.__('Send this Arrow or JSON file to a deployed pipeline; the answer is written beside it'),
    icon: args => (args.isPalette ? undefined : runIcon),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          path: {
            type: 'string',
            description: trans.__(
              'Path of an Arrow or JSON file on the Jupyter server; the one selected in the file browser where it is left out.'
            )
          }
        }
      }
    },
    isEnabled: args => pathOf(args) !== undefined,
    execute: async args => {
      const path = pathOf(args);
      try {
        if (path !== undefined && (await inferOn(edge, selection.onServer(path))) !== null) {
          await selection.refresh();
        }
      } catch (error) {
        notifyError(error, trans);
      }
    }
  });
}
