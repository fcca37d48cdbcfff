import { Poll } from '@lumino/polling';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';

import type { IChange } from './types';

/** What the server extension signs its events with. */
export const SCHEMA = 'https://jupyter-edge.org/events/engine/v1';

/** Changes that come within this time are told together: a deployment alone makes several. */
const GATHER_MS = 40;

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
      frequency: { interval: options.seconds * 1000, backoff: true, max: 300_000 },
      standby: 'when-hidden',
      auto: false
    });
    options.stream.connect(this.onEvent, this);
  }

  get isDisposed(): boolean {
    return this._poll.isDisposed;
  }

  set seconds(value: number) {
    this._poll.frequency = { ...this._poll.frequency, interval: value * 1000 };
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
    clearTimeout(this._timer);
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
      return;
    }
    this._changes.push(change);
    if (this._changes.length === 1) {
      this._timer = setTimeout(() => this.tell(), GATHER_MS);
    }
  }

  private tell(): void {
    const changes = this._changes.splice(0);
    const known = changes.some(({ kind }) => kind === 'all') ? null : changes;
    this.options.refresh(known).catch(() => this._poll.refresh());
  }

  private readonly _poll: Poll<void, Error>;
  private readonly _changes: IChange[] = [];
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _missed = true;
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
