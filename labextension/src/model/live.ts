import { Poll, type IPoll } from '@lumino/polling';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';

import type { IChange } from './types';

/** What the server extension signs its events with. */
export const SCHEMA = 'https://jupyter-edge.org/events/engine/v1';

/** Changes that come within this time are told together: a deployment alone makes several. */
const GATHER_MS = 40;
/** Edges say how they are and send rows all the time: what shows them is read again no more often than this. */
const STEADY_MS = 1000;
/** How long it takes at most until an engine that failed is asked again, unless the user wants longer. */
const SLOWEST_MS = 300_000;
const STEADY: ReadonlySet<string> = new Set(['edge', 'log']);

/** An event of the Jupyter event bus, as `EventManager` hands it on. */
export interface IEmission {
  readonly schema_id: string;
  readonly [key: string]: unknown;
}

export interface ILiveOptions {
  stream: ISignal<unknown, IEmission>;
  /** Called with what changed; null where it is not known, so that all is read again. Rejects if it could not. */
  refresh: (changes: readonly IChange[] | null) => Promise<void>;
  /** Called instead while nobody looks, to know no more than how the engine is. */
  glance: () => Promise<void>;
  /** Whether anybody looks. */
  isVisible: () => boolean;
  seconds: number;
}

/** Keeps a model like the engine: by its events, and by a slow poll that makes up for lost ones. */
export class Live implements IDisposable {
  constructor(private readonly options: ILiveOptions) {
    this._poll = new Poll<void, Error>({
      name: 'jupyter-edge:poll',
      factory: () => this.read(),
      frequency: frequencyOf(options.seconds),
      standby: 'when-hidden',
      auto: false
    });
    options.stream.connect(this.onEvent, this);
  }

  get isDisposed(): boolean {
    return this._poll.isDisposed;
  }

  /** Wait as long as this between two readings, from now on. */
  set seconds(value: number) {
    const frequency = frequencyOf(value);
    if (frequency.interval !== this._poll.frequency.interval) {
      this._poll.frequency = frequency;
      if (this._poll.state.phase !== 'constructed') {
        void this._poll.refresh(); // it would first wait as long as before
      }
    }
  }

  /** Begin to poll. */
  async start(): Promise<void> {
    await this._poll.start();
  }

  /** Read what changed while nobody looked. */
  async show(): Promise<void> {
    if (this._missed) {
      await this._poll.refresh();
    }
  }

  dispose(): void {
    this.options.stream.disconnect(this.onEvent, this);
    this._gathered.forEach(gathered => clearTimeout(gathered.timer));
    this._poll.dispose();
  }

  private async read(): Promise<void> {
    this._missed = !this.options.isVisible();
    await (this._missed ? this.options.glance() : this.options.refresh(null));
  }

  private onEvent(_sender: unknown, event: IEmission): void {
    const change = changeOf(event);
    if (!change) {
      return;
    }
    if (!this.options.isVisible()) {
      this._missed = true;
      if (change.kind === 'all') {
        void this._poll.refresh(); // the engine came or went, which the status bar shows
      }
      return;
    }
    const gathered = STEADY.has(change.kind) ? this._steady : this._single;
    gathered.changes.push(change);
    if (gathered.changes.length === 1) {
      const wait = Math.max(GATHER_MS, gathered.next - Date.now());
      gathered.timer = setTimeout(() => this.tell(gathered), wait);
    }
  }

  private tell(gathered: IGathered): void {
    gathered.next = Date.now() + gathered.pause;
    const changes = gathered.changes.splice(0);
    const known = changes.some(({ kind }) => kind === 'all') ? null : changes;
    this.options.refresh(known).catch(() => this._poll.refresh());
  }

  private readonly _poll: Poll<void, Error>;
  private readonly _single: IGathered = { changes: [], pause: 0, next: 0 };
  private readonly _steady: IGathered = { changes: [], pause: STEADY_MS, next: 0 };
  private readonly _gathered = [this._single, this._steady];
  private _missed = true;
}

/** How often to ask where all goes well, and after failures, which make it slower. */
function frequencyOf(seconds: number): IPoll.Frequency {
  const interval = seconds * 1000;
  return { interval, backoff: true, max: Math.max(interval, SLOWEST_MS) };
}

/** Changes that are told together, at the earliest at `next`. */
interface IGathered {
  changes: IChange[];
  readonly pause: number;
  next: number;
  timer?: ReturnType<typeof setTimeout>;
}

/** Return what an event says, or null for one that is not the engine's. */
export function changeOf(event: IEmission): IChange | null {
  const data = event as Partial<IChange>;
  if (event.schema_id !== SCHEMA || typeof data.kind !== 'string') {
    return null;
  }
  return {
    kind: data.kind,
    id: data.id ?? null,
    action: data.action ?? 'changed',
    workspace_id: data.workspace_id ?? null
  };
}
