import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { Signal, type ISignal } from '@lumino/signaling';

/** What the user may choose in the settings, as it is now; what is here holds until the settings are read. */
export class Preferences {
  /** Seconds between two readings where no event comes. */
  refreshInterval = 30;
  confirmDelete = true;
  notifications = true;
  statusBar = true;

  /** Emitted after anything above changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Be as the settings say, from now on. */
  follow(settings: ISettingRegistry.ISettings): void {
    const apply = (): void => {
      const { refreshInterval, confirmDelete, notifications, statusBar } = settings.composite;
      this.refreshInterval = Number(refreshInterval);
      this.confirmDelete = confirmDelete !== false;
      this.notifications = notifications !== false;
      this.statusBar = statusBar !== false;
      this._changed.emit();
    };
    settings.changed.connect(apply);
    apply();
  }

  private readonly _changed = new Signal<this, void>(this);
}
