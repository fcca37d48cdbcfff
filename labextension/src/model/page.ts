import { Signal, type ISignal } from '@lumino/signaling';

import { EdgeError, type EdgeClient } from './client';
import type { EngineModel } from './engine';
import { Pace } from './pace';
import type { IChange, Kind } from './types';

/** The parts of a page, by the noun whose change touches them. */
export type Touches = Partial<Record<Kind, readonly string[]>>;

/** What a page shows of an engine, read again in the parts that a change touches. */
export abstract class PageModel {
  constructor(
    readonly client: EdgeClient,
    readonly engine: EngineModel,
    pauseMs: number
  ) {
    this._pace = new Pace(asked => this.read(asked), pauseMs);
  }

  /** What stands in the way of an answer; what was known before is still there. */
  error: Error | null = null;
  /** When everything was read for the last time, in milliseconds. */
  readAt: number | null = null;

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /**
   * Read what changes touch, or everything.
   *
   * @throws Error if the engine does not answer, so that a poll slows down.
   */
  refresh(changes: readonly IChange[] | null): Promise<void> {
    return this._pace.ask(changes);
  }

  /** The parts that a change touches. */
  protected abstract touched(change: IChange): readonly string[];
  /** What reads each part. */
  protected abstract readonly parts: Readonly<Record<string, () => Promise<void>>>;
  /** What has to be known before the parts. */
  protected abstract settle(): Promise<void>;

  private async read(asked: ReadonlyArray<readonly IChange[] | null>): Promise<void> {
    const names = this.error || asked.includes(null) ? Object.keys(this.parts) : this.touchedBy(asked);
    try {
      if (names.length > 0) {
        await this.settle();
        await Promise.all(names.map(async name => this.parts[name]?.()));
        this.error = null;
        this.readAt = Date.now();
      }
    } catch (error) {
      this.error = error instanceof Error ? error : new Error(String(error));
      throw error;
    } finally {
      this.emit();
      await this.lookAtEngine();
    }
  }

  protected emit(): void {
    this._changed.emit();
  }

  private touchedBy(asked: ReadonlyArray<readonly IChange[] | null>): string[] {
    return [...new Set(asked.flatMap(changes => changes ?? []).flatMap(change => this.touched(change)))];
  }

  /** Have the engine's state agree with what was just seen of it. */
  private async lookAtEngine(): Promise<void> {
    const isRefused = this.error instanceof EdgeError && this.error.code >= 400 && this.error.code < 500;
    if ((this.error && !isRefused) || !this.engine.isRunning) {
      await this.engine.refresh();
    }
  }

  private readonly _pace: Pace<readonly IChange[] | null>;
  private readonly _changed = new Signal<this, void>(this);
}
