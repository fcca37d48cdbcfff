import { Signal, type ISignal } from '@lumino/signaling';

import { EdgeError, type EdgeClient } from './client';
import type { EngineState } from './types';

/** How the engine is, as the server extension sees it. */
export class EngineModel {
  constructor(private readonly client: EdgeClient) {}

  /** Null until the first answer. */
  state: EngineState | null = null;
  serverVersion: string | null = null;
  engineVersion: string | null = null;
  message: string | null = null;
  isStarting = false;
  /** Whether the Jupyter server can start it; one that JUPYTER_EDGE_URL names runs elsewhere. */
  isLocal = true;

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isRunning(): boolean {
    return this.state === 'running';
  }

  /** Ask again; whatever stands in the way of an answer becomes the state. */
  async refresh(): Promise<void> {
    try {
      const status = await this.client.status();
      this.state = status.state;
      this.isLocal = status.is_local;
      this.serverVersion = status.version;
      this.engineVersion = status.engine_version ?? null;
      this.message = status.msg ?? null;
    } catch (error) {
      this.state = stateOf(error);
      this.message = error instanceof Error ? error.message : String(error);
    }
    this._changed.emit();
  }

  /** Start the engine; where that fails, `message` says why. */
  async start(): Promise<void> {
    this.isStarting = true;
    this._changed.emit();
    let reason: string | null = null;
    try {
      await this.client.start();
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    this.isStarting = false;
    await this.refresh();
    if (reason !== null && !this.isRunning) {
      this.message = reason;
      this._changed.emit();
    }
  }

  private readonly _changed = new Signal<this, void>(this);
}

function stateOf(error: unknown): EngineState {
  if (error instanceof EdgeError && (error.state === 'missing' || error.state === 'offline')) {
    return error.state;
  }
  const isRefused = error instanceof EdgeError && (error.code === 401 || error.code === 403);
  return isRefused ? 'forbidden' : 'unreachable';
}
