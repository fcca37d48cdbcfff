import {
  ABCWidgetFactory,
  DocumentModel,
  DocumentWidget,
  TextModelFactory,
  type DocumentRegistry
} from '@jupyterlab/docregistry';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, type LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { IContext } from '../ui/section';
import { moment } from '../ui/words';
import { arrowIcon, onnxIcon } from './fileTypes';
import { baseName, kindOf } from './kinds';

const UNREAD = 'jupyter-edge:unread';

/** Show what a model or table is and what Edge does with it, where it is opened: as text, it could not be. */
export function addFileViews(
  registry: DocumentRegistry,
  context: IContext,
  upload: string,
  infer: string
): void {
  registry.addModelFactory(new UnreadFactory(context.trans));
  registry.addWidgetFactory(
    new FileViewFactory(context, upload, infer, {
      name: 'Edge',
      label: context.trans.__('Edge'),
      modelName: UNREAD,
      fileTypes: ['onnx', 'arrow'],
      defaultFor: ['onnx', 'arrow'],
      readOnly: true
    })
  );
}

/** Leaves the content where it is: it may be gigabytes. */
class UnreadFactory extends TextModelFactory {
  constructor(private readonly trans: TranslationBundle) {
    super();
  }

  override get name(): string {
    return UNREAD;
  }

  override get fileFormat(): null {
    return null;
  }

  override createNew(): DocumentModel {
    return new UnreadModel(this.trans);
  }
}

class UnreadModel extends DocumentModel {
  constructor(private readonly trans: TranslationBundle) {
    super();
  }

  /** JupyterLab makes no copy, as a checkpoint, of what others keep. */
  override get collaborative(): boolean {
    return true;
  }

  /** Called to save: what was not read is not to be written over. */
  override toString(): never {
    throw new Error(this.trans.__('Edge shows this file without reading it: there is nothing to save.'));
  }
}

class FileViewFactory extends ABCWidgetFactory<DocumentWidget<FileView>> {
  constructor(
    private readonly context: IContext,
    private readonly upload: string,
    private readonly infer: string,
    options: DocumentRegistry.IWidgetFactoryOptions<DocumentWidget<FileView>>
  ) {
    super(options);
  }

  protected override createNewWidget(document: DocumentRegistry.Context): DocumentWidget<FileView> {
    const { trans } = this.context;
    const isModel = kindOf(document.path) === 'model';
    const face = isModel
      ? { icon: onnxIcon, what: trans.__('ONNX model'), command: this.upload }
      : { icon: arrowIcon, what: trans.__('Arrow table'), command: this.infer };
    const run = (): void => {
      const args = isModel ? { paths: [document.path] } : { path: document.path };
      void this.context.commands.execute(face.command, args);
    };
    const label = this.context.commands.label(face.command);
    const content = new FileView(document, face.icon, face.what, label, run);
    return new DocumentWidget({ content, context: document });
  }
}

class FileView extends ReactWidget {
  constructor(
    private readonly document: DocumentRegistry.Context,
    private readonly icon: LabIcon,
    private readonly what: string,
    private readonly label: string,
    private readonly onUse: () => void
  ) {
    super();
    this.addClass('jp-Edge');
    this.addClass('jp-Edge-file');
    document.fileChanged.connect(this.update, this);
  }

  override render(): React.JSX.Element {
    const { path, contentsModel } = this.document;
    const changed = contentsModel?.last_modified;
    return (
      <>
        <this.icon.react tag="span" />
        <h2>{baseName(path)}</h2>
        <p>{changed ? `${this.what} · ${moment(changed)}` : this.what}</p>
        <button type="button" className="jp-Edge-next jp-mod-accept" onClick={this.onUse}>
          {this.label}
        </button>
      </>
    );
  }
}
