import { modelNameOf, startUpload } from '../model/upload';
import { runJob } from '../ui/notify';
import type { IContext } from '../ui/section';
import { baseName } from './kinds';
import { settle } from './settle';

/** A file of the user's computer, or the path of one on the Jupyter server. */
export type AnyFile = File | string;

export function nameOf(file: AnyFile): string {
  return baseName(typeof file === 'string' ? file : file.name);
}

/** Upload models to the workspace that is shown; each shows how it goes. */
export async function uploadFiles(context: IContext, files: readonly AnyFile[]): Promise<void> {
  const { model, trans } = context;
  const { id } = await settle(context);
  const upload = (file: AnyFile): Promise<void> =>
    runJob(context, trans.__('Upload of %1', nameOf(file)), signal =>
      typeof file === 'string' ? startHere(context, id, file) : startUpload(model.client, id, file, signal)
    );
  await Promise.all(files.map(upload));
  await model.lists.models.refresh();
}

/** Have a file of the Jupyter server uploaded, which does not come through the browser. */
async function startHere({ model }: IContext, workspace_id: number, path: string): Promise<number | null> {
  const body = { path, name: modelNameOf(nameOf(path)), workspace_id };
  return (await model.client.own<{ job: number | null }>('upload', body)).job;
}
