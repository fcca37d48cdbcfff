import { Notification, showErrorMessage } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import { followJob } from '../model/jobs';
import type { IJob } from '../model/types';
import type { IContext } from './section';

/** How long an end is shown that is no failure. */
const CLOSE_AFTER_MS = 4000;
/** How much of a message JupyterLab shows. */
const SHOWN_LETTERS = 140;

/**
 * Have a job begun, and show it from then to its end, with a button that cancels it; resolves once it has ended.
 *
 * @param begin - starts the job and returns its id, or null where there is nothing to do; stops where it is told to.
 */
export async function runJob(
  context: IContext,
  title: string,
  begin: (signal: AbortSignal) => Promise<number | null>
): Promise<void> {
  const { model, trans } = context;
  const cancelling = new AbortController();
  const note = new JobNote(context, title, () => cancelling.abort());
  try {
    const id = await begin(cancelling.signal);
    if (id === null) {
      note.end('default', trans.__('%1: nothing to do', title));
      return;
    }
    const cancel = (): void =>
      void model.client.call('jobs/cancel', { id }).catch((error: unknown) => notifyError(error, trans));
    cancelling.signal.addEventListener('abort', cancel);
    if (cancelling.signal.aborted) {
      cancel();
    }
    note.finish(await followJob(model, id, job => note.report(job)));
  } catch (error) {
    if (cancelling.signal.aborted) {
      note.end('warning', trans.__('%1: cancelled', title));
    } else {
      note.end('error', trans.__('%1: %2', title, sentenceOf(error)));
    }
  }
}

/** The notification of a job; where the user wants none, only that of a failure. */
class JobNote {
  constructor(
    private readonly context: IContext,
    private readonly title: string,
    cancel: () => void
  ) {
    if (context.preferences.notifications) {
      const label = context.trans.__('Cancel');
      const callback = (event: MouseEvent): void => {
        event.preventDefault(); // it stays, and says how the job ended
        cancel();
      };
      this._id = Notification.emit(title, 'in-progress', {
        autoClose: false,
        actions: [{ label, callback }]
      });
    }
  }

  report(job: IJob): void {
    if (this._id !== null) {
      const { trans } = this.context;
      const message = job.message ? trans.__('%1: %2', this.title, job.message) : this.title;
      Notification.update({ id: this._id, message, type: 'in-progress', progress: job.progress });
    }
  }

  finish(job: IJob): void {
    const { trans } = this.context;
    const ends: Record<string, readonly [Notification.TypeOptions, string]> = {
      succeeded: ['success', trans.__('%1: done', this.title)],
      cancelled: ['warning', trans.__('%1: cancelled', this.title)]
    };
    this.end(...(ends[job.state] ?? ['error', trans.__('%1: %2', this.title, job.error ?? job.message)]));
  }

  end(type: Notification.TypeOptions, message: string): void {
    if (type === 'error') {
      const failure = { autoClose: false as const, actions: actionsOf(message, this.context.trans) };
      if (this._id === null) {
        Notification.error(message, failure);
      } else {
        Notification.update({ id: this._id, message, type, ...failure });
      }
    } else if (this._id !== null) {
      Notification.update({ id: this._id, message, type, autoClose: CLOSE_AFTER_MS, actions: [] });
    }
  }

  private readonly _id: string | null = null;
}

/** Say what went wrong with something that was asked for here. */
export function notifyError(error: unknown, trans: TranslationBundle): void {
  const message = sentenceOf(error);
  Notification.error(message, { autoClose: false, actions: actionsOf(message, trans) });
}

/** What a notification of an error offers: to be read in full, where it is cut off. */
function actionsOf(message: string, trans: TranslationBundle): Notification.IAction[] {
  const callback = (event: MouseEvent): void => {
    event.preventDefault();
    void showErrorMessage(trans.__('Edge'), message);
  };
  return message.length > SHOWN_LETTERS ? [{ label: trans.__('Show All'), callback }] : [];
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
