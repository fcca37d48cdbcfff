import { LabIcon } from '@jupyterlab/ui-components';

import edgeSvg from '../../style/icons/edge.svg';

export const edgeIcon = new LabIcon({ name: 'jupyter-edge:edge', svgstr: edgeSvg });
