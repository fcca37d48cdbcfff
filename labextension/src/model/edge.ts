import { Signal, type ISignal } from '@lumino/signaling';

import { EdgeClient } from './client';
import { EngineModel } from './engine';
import { ListModel } from './list';
import { NEWEST_ROWS } from './log';
import { Sources } from './sources';
import type { IChange, IEdge, IJob, ILogRow, IModel, IPipeline, IPublish, IWorkspace, Kind } from './types';

/** The lists of the panel, by the name of their section. */
export interface ILists {
  workspaces: ListModel<IWorkspace>;
  models: ListModel<IModel>;
  pipelines: ListModel<IPipeline>;
  publishes: ListModel<IPublish>;
  edges: ListModel<IEdge>;
  activity: ListModel<IJob>;
  log: ListModel<ILogRow>;
}

export type SectionName = keyof ILists;

/** Which lists show something of a noun. */
const SHOWN_IN: Record<Exclude<Kind, 'all'>, readonly SectionName[]> = {
  workspace: ['workspaces'],
  model: ['models', 'workspaces'],
  pipeline: ['pipelines', 'workspaces'],
  deployment: ['pipelines'],
  publish: ['publishes', 'pipelines'],
  edge: ['edges'],
  job: ['activity'],
  log: ['log', 'edges']
};

/** Everything that the panel shows, of one engine and one workspace of it. */
export class EdgeModel {
  constructor(readonly client: EdgeClient) {
    this.engine = new EngineModel(client);
    const sources = new Sources(
      client,
      () => this._workspaceId,
      () => this._logName
    );
    this.places = new ListModel(sources.workspaces);
    this.lists = {
      workspaces: new ListModel(sources.workspaces),
      models: new ListModel(sources.models),
      pipelines: new ListModel(sources.pipelines),
      publishes: new ListModel(sources.publishes),
      edges: new ListModel(sources.edges),
      activity: new ListModel(sources.jobs),
      log: new ListModel(sources.log, NEWEST_ROWS)
    };
  }

  readonly engine: EngineModel;
  readonly lists: ILists;
  /** The workspaces to choose from, which no filter takes away. */
  readonly places: ListModel<IWorkspace>;
  /** Sections that are closed are not read. */
  isOpen: (section: SectionName) => boolean = () => true;

  /** Emitted with what changed, for pages that show one thing of it; null stands for everything. */
  get told(): ISignal<this, readonly IChange[] | null> {
    return this._told;
  }

  /** Emitted when another workspace, or another pipeline's log, is shown. */
  get chosen(): ISignal<this, void> {
    return this._chosen;
  }

  get workspaceId(): number | null {
    return this._workspaceId;
  }

  /** The pipeline whose log is shown. */
  get logName(): string | null {
    return this._logName;
  }

  get workspace(): IWorkspace | null {
    return this.places.items.find(item => item.id === this._workspaceId) ?? null;
  }

  /** Show this workspace first, if there is one of this id. */
  prefer(workspaceId: number): void {
    this._workspaceId ??= workspaceId;
  }

  /** Show another workspace. */
  async choose(workspaceId: number): Promise<void> {
    if (workspaceId !== this._workspaceId) {
      this.turnTo(workspaceId);
      await this.refresh(null);
    }
  }

  /** Show the log of a pipeline of the workspace. */
  async chooseLog(pipelineName: string | null): Promise<void> {
    if (pipelineName !== this._logName) {
      this._logName = pipelineName;
      this.lists.log.clear();
      this._chosen.emit();
      await this.lists.log.refresh();
    }
  }

  /** Show only what has a text in its name; rows of the log have none. */
  async filter(text: string): Promise<void> {
    const named = this.names.filter(name => name !== 'log');
    for (const name of named) {
      this.lists[name].filter = text;
    }
    await Promise.all(named.filter(name => this.isOpen(name)).map(name => this.lists[name].refresh()));
  }

  /**
   * Read again what changes touch, or all that is shown.
   *
   * @throws Error if the engine cannot be reached, so that a poll slows down.
   */
  async refresh(changes: readonly IChange[] | null): Promise<void> {
    if (changes === null || !this.engine.isRunning) {
      await this.engine.refresh();
      changes = null;
    }
    if (!this.engine.isRunning) {
      throw new Error(this.engine.message ?? String(this.engine.state));
    }
    const before = this._workspaceId;
    await this.settle(changes === null || changes.some(({ kind }) => kind === 'workspace'));
    changes = this._workspaceId === before ? changes : null;
    await Promise.all(this.touched(changes).map(name => this.lists[name].refresh()));
    await this.followLog();
    this._told.emit(changes);
  }

  /** Read a section that was just opened. */
  async open(section: SectionName): Promise<void> {
    if (this.engine.isRunning) {
      await this.lists[section].refresh();
      if (section === 'log' && !this.lists.pipelines.isKnown) {
        await this.lists.pipelines.refresh(); // whose logs there are to choose from
        await this.followLog();
      }
    }
  }

  private get names(): SectionName[] {
    return Object.keys(this.lists) as SectionName[];
  }

  private touched(changes: readonly IChange[] | null): SectionName[] {
    const here = changes?.filter(({ workspace_id: id }) => id === null || id === this._workspaceId);
    const names = here
      ? this.names.filter(name => here.some(({ kind }) => kind !== 'all' && SHOWN_IN[kind].includes(name)))
      : this.names;
    return names.filter(name => this.isOpen(name) || (name === 'pipelines' && this.isOpen('log')));
  }

  /** Have a workspace that exists: the one chosen, or the first. */
  private async settle(isNews: boolean): Promise<void> {
    if (this.workspace !== null && !isNews) {
      return;
    }
    await this.places.refresh();
    while (this.places.hasMore && this.places.error === null) {
      await this.places.grow();
    }
    const [first] = this.places.items;
    if (first && this.workspace === null && this.places.error === null) {
      this.turnTo(first.id);
    }
  }

  /** Forget what is another workspace's. */
  private turnTo(workspaceId: number): void {
    this._workspaceId = workspaceId;
    this._logName = null;
    for (const name of ['models', 'pipelines', 'publishes', 'edges', 'log'] as const) {
      this.lists[name].clear();
    }
    this._chosen.emit();
  }

  /** Show some log as soon as there is a pipeline: that of one that is deployed rather than another's. */
  private async followLog(): Promise<void> {
    const { items } = this.lists.pipelines;
    if (this._logName === null && items.length > 0) {
      await this.chooseLog((items.find(item => item.deployment?.deployed) ?? items[0])?.name ?? null);
    }
  }

  private _workspaceId: number | null = null;
  private _logName: string | null = null;
  private readonly _told = new Signal<this, readonly IChange[] | null>(this);
  private readonly _chosen = new Signal<this, void>(this);
}
