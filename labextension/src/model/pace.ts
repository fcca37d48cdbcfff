/** Does work one at a time with a pause in between; what is asked for meanwhile is done together afterwards. */
export class Pace<T> {
  constructor(
    private readonly work: (asked: T[]) => Promise<void>,
    private readonly pauseMs: number
  ) {}

  /** Ask for work; resolves once it is done, rejects where it failed. */
  ask(item: T): Promise<void> {
    this._asked.push(item);
    this._next ??= this.begin();
    return this._next;
  }

  private async begin(): Promise<void> {
    await this._running?.catch(() => undefined); // whoever asked for that was told
    const wait = this._last + this.pauseMs - performance.now();
    if (wait > 0) {
      await new Promise(resolve => setTimeout(resolve, wait));
    }
    this._last = performance.now();
    this._running = this.work(this._asked.splice(0));
    this._next = null;
    await this._running;
  }

  private readonly _asked: T[] = [];
  private _next: Promise<void> | null = null;
  private _running: Promise<void> | null = null;
  private _last = -Infinity;
}
