import { closeIcon } from '@jupyterlab/ui-components';

import { isUnderWay } from '../model/jobs';
import type { IJob, JobState } from '../model/types';
import type { IContext, IRowFace, ISection } from '../ui/section';
import { ago, moment } from '../ui/words';

const TONES: Record<string, IRowFace['tone']> = { succeeded: 'good', failed: 'bad', cancelled: 'idle' };

/** What the engine does and did: its jobs. */
export function activity({ model, trans }: IContext): ISection<IJob> {
  const states: Record<JobState, string> = {
    queued: trans.__('queued'),
    running: trans.__('running'),
    succeeded: trans.__('succeeded'),
    failed: trans.__('failed'),
    cancelled: trans.__('cancelled')
  };
  return {
    name: 'activity',
    title: trans.__('Activity'),
    list: model.lists.activity,
    key: ({ id }) => String(id),
    face: item => ({
      title: jobTitle(item, trans),
      subtitle: isUnderWay(item)
        ? item.message
        : (item.error ?? trans.__('%1 after %2', states[item.state], took(item))),
      aside: isUnderWay(item)
        ? item.progress.toLocaleString(undefined, { style: 'percent' })
        : ago(item.updated_at),
      state: item.state === 'succeeded' ? undefined : states[item.state], // names need the room
      tone: TONES[item.state] ?? 'busy',
      progress: isUnderWay(item) ? item.progress : undefined
    }),
    details: item => [
      [trans.__('Job'), item.id],
      [trans.__('Message'), item.error ?? (item.message || '–')],
      [trans.__('Began'), moment(item.created_at)],
      [trans.__('Last news'), moment(item.updated_at)]
    ],
    actions: [
      {
        id: 'cancel-job',
        label: trans.__('Cancel'),
        caption: trans.__('Ask this job to stop'),
        icon: closeIcon,
        isQuick: true,
        isOffered: isUnderWay,
        run: async ({ id }) => {
          await model.client.call('jobs/cancel', { id });
          await model.lists.activity.refresh();
        }
      }
    ],
    empty: () => ({
      what: trans.__('The engine has nothing to do.'),
      next: trans.__('Uploads, deployments and publishes show here while they run.')
    })
  };
}

/** What a job does, and to what. */
export function jobTitle(
  { kind, subject }: Pick<IJob, 'kind' | 'subject'>,
  trans: IContext['trans']
): string {
  const titles: Record<string, string> = {
    upload: trans.__('Upload of %1', subject),
    deploy: trans.__('Deployment of %1', subject),
    undeploy: trans.__('Undeployment of %1', subject),
    publish: trans.__('Publish of %1', subject)
  };
  return titles[kind] ?? `${kind} ${subject}`;
}

function took({ created_at, updated_at }: IJob): string {
  const seconds = (Date.parse(updated_at) - Date.parse(created_at)) / 1000;
  return `${seconds.toFixed(1)} s`;
}
