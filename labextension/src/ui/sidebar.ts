import { SidePanel } from '@jupyterlab/ui-components';
import type { ITranslator } from '@jupyterlab/translation';
import type { Message } from '@lumino/messaging';
import { Signal, type ISignal } from '@lumino/signaling';
import type { AccordionPanel } from '@lumino/widgets';

import type { SectionName } from '../model/edge';
import { Shares } from '../model/shares';
import { edgeIcon } from './icons';
import { EngineDown } from './engineDown';
import { Header } from './header';
import type { IContext } from './section';
import type { SectionWidget } from './sectionWidget';

const FILTER_MS = 150;

/** Sections of different rows, which the sidebar treats alike. */
export type AnySection = SectionWidget<never>;

/** The panel: header, and an accordion of sections. */
export class Sidebar extends SidePanel {
  constructor(
    private readonly context: IContext,
    private readonly sections: readonly AnySection[],
    translator: ITranslator
  ) {
    super({ translator });
    const { trans, model } = context;
    this.id = 'jupyter-edge-panel';
    this.title.icon = edgeIcon;
    this.title.caption = trans.__('Edge: models, pipelines and edges');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Edge'));
    this.addClass('jp-Edge');
    this.header.addWidget(new Header(context, text => this.filter(text)));
    this.header.addWidget((this._down = new EngineDown(context)));
    sections.forEach(section => this.addWidget(section));
    this.shares = new Shares(sections.map(({ section }) => section.name));
    this.accordion.expansionToggled.connect(this.onToggled, this);
    this.accordion.handleMoved.connect(this.onHandleMoved, this);
    model.isOpen = name => this.isOpen(name);
    model.engine.changed.connect(this.onEngine, this);
    this.onEngine();
  }

  /** How the open sections share the height; set before sections are opened. */
  readonly shares: Shares;

  /** Emitted after a section was opened, closed or given another size. */
  get toggled(): ISignal<this, void> {
    return this._toggled;
  }

  /** Emitted when the panel comes into view. */
  get shown(): ISignal<this, void> {
    return this._shown;
  }

  /** The names of the sections that are open. */
  get open(): SectionName[] {
    return this.sections.filter(section => !section.isHidden).map(section => section.section.name);
  }

  /** Open these sections and close the others. */
  set open(names: readonly SectionName[]) {
    this.sections.forEach((section, index) => {
      if (names.includes(section.section.name)) {
        this.accordion.expand(index);
      } else {
        this.accordion.collapse(index);
      }
    });
  }

  /** Open a section, whatever else is open. */
  openSection(name: SectionName): void {
    this.open = [...this.open, name];
  }

  override dispose(): void {
    clearTimeout(this._timer);
    super.dispose();
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this._shown.emit();
  }

  private get accordion(): AccordionPanel {
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- SidePanel makes no other
    return this.content as AccordionPanel;
  }

  private readonly isOpen = (name: string): boolean =>
    this.sections.some(section => section.section.name === name && !section.isHidden);

  /** The accordion itself would leave a section that is opened for the first time next to nothing. */
  private onToggled(): void {
    this.accordion.setRelativeSizes(this.shares.sizes(this.isOpen));
    this._toggled.emit();
  }

  private onHandleMoved(): void {
    this.shares.keep(this.accordion.relativeSizes(), this.isOpen);
    this._toggled.emit();
  }

  private onEngine(): void {
    const { isRunning } = this.context.model.engine;
    this.content.setHidden(!isRunning);
    this._down.setHidden(isRunning);
  }

  private filter(text: string): void {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => void this.context.model.filter(text), FILTER_MS);
  }

  private readonly _down: EngineDown;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private readonly _toggled = new Signal<this, void>(this);
  private readonly _shown = new Signal<this, void>(this);
}
