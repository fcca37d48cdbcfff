import type { IThemeManager } from '@jupyterlab/apputils';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import type { ISignal } from '@lumino/signaling';
import * as React from 'react';

import { Look } from '../charts/look';
import { Live, type IEmission } from '../model/live';
import type { PageModel } from '../model/page';
import type { Preferences } from '../ui/preferences';

/** What keeps a page like the engine, the theme and the settings. */
export interface ISurroundings {
  stream: ISignal<unknown, IEmission>;
  themes: IThemeManager | null;
  preferences: Preferences;
}

/** A page of the main area that is live while it is in view, and reads nothing while it is not. */
export abstract class Page<M extends PageModel> extends ReactWidget {
  constructor(
    readonly model: M,
    private readonly surroundings: ISurroundings
  ) {
    super();
    this.addClass('jp-Edge-page');
    this._live = new Live({
      stream: surroundings.stream,
      refresh: changes => model.refresh(changes),
      glance: () => Promise.resolve(),
      isVisible: () => this.isVisible,
      seconds: surroundings.preferences.refreshInterval
    });
    model.changed.connect(this.update, this);
    model.engine.changed.connect(this.onEngine, this);
    surroundings.themes?.themeChanged.connect(this.update, this);
    surroundings.preferences.changed.connect(this.onPreferences, this);
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._live.dispose();
      this.model.engine.changed.disconnect(this.onEngine, this);
      this.surroundings.themes?.themeChanged.disconnect(this.update, this);
      this.surroundings.preferences.changed.disconnect(this.onPreferences, this);
    }
    super.dispose();
  }

  override render(): React.JSX.Element {
    return <Look.Provider value={this.surroundings.themes?.theme ?? ''}>{this.view()}</Look.Provider>;
  }

  protected abstract view(): React.JSX.Element;

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this.look();
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this.look();
  }

  private look(): void {
    if (this.isVisible && !this._isStarted) {
      this._isStarted = true;
      void this._live.start();
    } else if (this.isVisible) {
      void this._live.show();
    }
  }

  /** An engine that is back has more to tell than one that was lost. */
  private onEngine(): void {
    const { isRunning } = this.model.engine;
    if (isRunning && this._wasDown && this.isVisible) {
      this.model.refresh(null).catch(() => undefined); // the page says why
    }
    this._wasDown = !isRunning;
    this.update();
  }

  private onPreferences(): void {
    this._live.seconds = this.surroundings.preferences.refreshInterval;
  }

  private readonly _live: Live;
  private _isStarted = false;
  private _wasDown = false;
}
