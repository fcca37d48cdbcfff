import { addIcon, fileUploadIcon } from '@jupyterlab/ui-components';

import type { IPanelCommand } from '../commands';
import { uploadFiles } from '../files/upload';
import type { IModel } from '../model/types';
import { askForFile, askToRemove } from '../ui/ask';
import { commandId, type IContext, type ISection } from '../ui/section';
import { ago, moment } from '../ui/words';

/** The models of the workspace. */
export function models(context: IContext): ISection<IModel> {
  const { model, commands, trans } = context;
  return {
    name: 'models',
    title: trans.__('Models'),
    list: model.lists.models,
    key: ({ id }) => String(id),
    face: item => ({ title: item.name, subtitle: trans.__('changed %1', ago(item.updated_at)) }),
    details: item => [
      [trans.__('Id'), item.id],
      [trans.__('Uploaded'), moment(item.created_at)],
      [trans.__('Changed'), moment(item.updated_at)]
    ],
    actions: [
      {
        id: 'new-pipeline-with',
        label: trans.__('New Pipeline With…'),
        caption: trans.__('Make a pipeline that runs this model'),
        icon: addIcon,
        isQuick: true,
        run: async ({ name }) => {
          await commands.execute(commandId('new-pipeline'), { models: [name] });
        }
      },
      {
        id: 'delete-model',
        label: trans.__('Delete Model…'),
        caption: trans.__(
          'Delete this model with all its versions; one that is deployed or published is kept'
        ),
        run: async ({ id, name }) => {
          const body = trans.__('All its versions go with it. Its inference log stays.');
          if (await askToRemove(context, trans.__('Delete model “%1”?', name), body, trans.__('Delete'))) {
            await model.client.call('models/delete', { id });
            await model.lists.models.refresh();
          }
        }
      }
    ],
    empty: () => ({
      what: trans.__('No model is uploaded yet.'),
      next: trans.__('Upload an ONNX file here, or in a notebook:'),
      code: '%edge upload NAME model.onnx',
      command: 'upload-model'
    }),
    toolbar: ['upload-model']
  };
}

/** Upload a model file from the user's machine. */
export function uploadModel(context: IContext): IPanelCommand {
  const { model, trans } = context;
  return {
    id: 'upload-model',
    label: trans.__('Upload Model…'),
    caption: trans.__('Upload an ONNX file from this computer to the workspace'),
    icon: fileUploadIcon,
    isEnabled: () => model.engine.isRunning,
    run: async () => {
      const file = await askForFile('.onnx');
      if (file) {
        await uploadFiles(context, [file]);
      }
    }
  };
}
