import type { DocumentRegistry } from '@jupyterlab/docregistry';
import { LabIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';

import arrowSvg from '../../style/icons/arrow.svg';
import onnxSvg from '../../style/icons/onnx.svg';

export const onnxIcon = new LabIcon({ name: 'jupyter-edge:onnx', svgstr: onnxSvg });
export const arrowIcon = new LabIcon({ name: 'jupyter-edge:arrow', svgstr: arrowSvg });

/** Let JupyterLab know models and tables by their names' endings. */
export function addFileTypes(registry: DocumentRegistry, trans: TranslationBundle): void {
  registry.addFileType({
    name: 'onnx',
    displayName: trans.__('ONNX Model'),
    extensions: ['.onnx'],
    mimeTypes: ['application/onnx'],
    fileFormat: 'base64',
    icon: onnxIcon
  });
  registry.addFileType({
    name: 'arrow',
    displayName: trans.__('Arrow Table'),
    extensions: ['.arrow'],
    mimeTypes: ['application/vnd.apache.arrow.file'],
    fileFormat: 'base64',
    icon: arrowIcon
  });
}
