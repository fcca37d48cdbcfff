import type { EdgeClient } from './client';
import type { EdgeModel } from './edge';
import type { IChange, IJob } from './types';

const HEADER = 'jupyter-edge-job';
/** How often a job is asked for whose events are lost. */
const PATIENCE_MS = 2000;

/** Whether a job goes on. */
export function isUnderWay(job: IJob): boolean {
  return job.state === 'queued' || job.state === 'running';
}

/** Call an endpoint that starts a job; null where it started none. */
export async function startJob(client: EdgeClient, endpoint: string, body: object): Promise<number | null> {
  return jobOf(await client.send(endpoint, JSON.stringify(body)));
}

/** The job that an answer names; null where it names none. */
export function jobOf(response: Response): number | null {
  const id = response.headers.get(HEADER);
  return id === null ? null : Number(id);
}

/** Report a job until it is done, and return how it ended. */
export async function followJob(model: EdgeModel, id: number, report: (job: IJob) => void): Promise<IJob> {
  for (;;) {
    const job = await model.client.call<IJob>('jobs/get', { id });
    report(job);
    if (!isUnderWay(job)) {
      return job;
    }
    await nextNews(model, id);
  }
}

/** Resolves once the engine told of a job, or after a while. */
function nextNews(model: EdgeModel, id: number): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer);
      model.told.disconnect(onTold);
      resolve();
    };
    const onTold = (_: EdgeModel, changes: readonly IChange[] | null): void => {
      if (changes?.some(change => change.kind === 'job' && Number(change.id) === id)) {
        done();
      }
    };
    const timer = setTimeout(done, PATIENCE_MS);
    model.told.connect(onTold);
  });
}
