import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { EdgeModel } from '../model/edge';
import { followJob } from '../model/jobs';
import type { IJob } from '../model/types';

/** How long a good end is shown. */
const GLAD_MS = 4000;

/** Show a job that was started here, from its beginning to its end. */
export async function notifyJob(
  model: EdgeModel,
  trans: TranslationBundle,
  jobId: number,
  title: string
): Promise<void> {
  const id = Notification.emit(title, 'in-progress', {
    autoClose: false,
    actions: [
      {
        label: trans.__('Cancel'),
        callback: event => {
          event.preventDefault();
          void model.client.call('jobs/cancel', { id: jobId });
        }
      }
    ]
  });
  const report = (job: IJob): void => {
    const message = job.message ? `${title}: ${job.message}` : title;
    Notification.update({ id, message, type: 'in-progress', progress: job.progress });
  };
  const job = await followJob(model, jobId, report);
  const ends: Record<string, readonly [Notification.TypeOptions, string]> = {
    succeeded: ['success', trans.__('%1: done', title)],
    cancelled: ['warning', trans.__('%1: cancelled', title)]
  };
  const [type, message] = ends[job.state] ?? ['error', `${title}: ${job.error ?? job.message}`];
  Notification.update({ id, message, type, autoClose: type === 'error' ? false : GLAD_MS, actions: [] });
}

/** Say what went wrong with something that was asked for here. */
export function notifyError(error: unknown): void {
  Notification.error(error instanceof Error ? error.message : String(error), { autoClose: false });
}
