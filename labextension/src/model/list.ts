import { Signal, type ISignal } from '@lumino/signaling';

import type { EdgeError } from './client';
import type { IPage, IPageRequest } from './types';

/** With how many rows a list begins. */
export const PAGE = 100;
/** How many rows one request asks for at most. */
const MOST = 1000;

/** A list that grows by pages, filtered by the engine, and that can be read again without losing its length. */
export class ListModel<T> {
  /** @param most - with how many rows the list ends, however many there are. */
  constructor(
    private readonly fetchPage: (request: IPageRequest) => Promise<IPage<T>>,
    private readonly most = Infinity
  ) {}

  items: readonly T[] = [];
  total: number | null = null;
  error: EdgeError | Error | null = null;
  /** Whether at least one answer came, so that an empty list means that there is nothing. */
  isKnown = false;

  /** Emitted after anything above changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get filter(): string {
    return this._filter;
  }

  get hasMore(): boolean {
    return this._next !== null && !this.isCut;
  }

  /** Whether there are rows beyond the most that the list shows. */
  get isCut(): boolean {
    return this._next !== null && this.items.length >= this.most;
  }

  /** Show only rows whose name contains a text, from the next reading on. */
  set filter(text: string) {
    this._round += 1;
    this._filter = text;
    this._wanted = PAGE;
  }

  /** Forget everything, as for another workspace. */
  clear(): void {
    this._round += 1;
    this.items = [];
    this.total = null;
    this.error = null;
    this.isKnown = false;
    this._next = null;
    this._wanted = PAGE;
    this._changed.emit();
  }

  /** Have as many rows again, so that a list of thousands is at its end after a few requests. */
  async grow(): Promise<void> {
    if (!this.hasMore) {
      return;
    }
    const more = Math.min(Math.max(this.items.length, PAGE), MOST);
    this._wanted = Math.min(this.items.length + more, this.most);
    await (this._running ?? this.run(() => this.read([...this.items], this._next)));
  }

  /** Return a row that may not be among those that are read, or shown by the filter; undefined where there is none. */
  async find(isWanted: (row: T) => boolean): Promise<T | undefined> {
    const known = this.items.find(isWanted);
    if (known !== undefined) {
      return known;
    }
    let after: string | null = null;
    do {
      const page: IPage<T> = await this.fetchPage({ limit: MOST, after, filter: '' });
      const found = page.items.find(isWanted);
      if (found !== undefined) {
        return found;
      }
      after = page.next;
    } while (after !== null);
    return undefined;
  }

  /** Read again the pages that are shown; calls during one are joined into one more, after which they resolve. */
  async refresh(): Promise<void> {
    if (this._running === null) {
      await this.run(() => this.read([], null));
    } else {
      this._joined ??= this._running.then(() => {
        this._joined = null;
        return this.refresh();
      });
      await this._joined;
    }
  }

  private run(step: () => Promise<void>): Promise<void> {
    this._running = step().finally(() => (this._running = null));
    return this._running;
  }

  /** Read pages after `items` until enough are there; what an outdated answer says is dropped. */
  private async read(items: T[], after: string | null): Promise<void> {
    const round = this._round;
    try {
      do {
        const missing = Math.ceil((this._wanted - items.length) / PAGE) * PAGE;
        const limit = Math.min(Math.max(missing, PAGE), MOST);
        const page = await this.fetchPage({ limit, after, filter: this._filter });
        if (round !== this._round) {
          await this.read([], null);
          return;
        }
        items.push(...page.items);
        after = page.next;
        this.total = page.total;
      } while (after !== null && items.length < this._wanted);
      this.items = items;
      this._next = after;
      this.error = null;
      this.isKnown = true;
    } catch (error) {
      this.error = error instanceof Error ? error : new Error(String(error));
    }
    this._changed.emit();
  }

  private _filter = '';
  private _next: string | null = null;
  private _wanted = PAGE;
  private _round = 0;
  private _running: Promise<void> | null = null;
  private _joined: Promise<void> | null = null;
  private readonly _changed = new Signal<this, void>(this);
}
