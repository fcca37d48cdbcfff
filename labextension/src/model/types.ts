/** What the engine answers with, as its REST document names it; only the fields that are shown. */

export interface IWorkspace {
  id: number;
  name: string;
  created_at: string;
  models: number[];
  pipelines: number[];
}

export interface IModel {
  id: number;
  name: string;
  created_at: string;
  updated_at: string;
}

export interface IPipelineVersion {
  id: number;
  version: string;
  created_at: string;
  definition: Record<string, unknown>;
}

export interface IDeployment {
  id: number;
  deploy_id: string;
  deployed: boolean;
  pipeline_version_id: number;
  engine_config: Record<string, unknown>;
  url: string | null;
  /** How it is; `deployed` is what was asked for. */
  status: 'Starting' | 'Running' | 'Error' | 'Stopping' | null;
  details: string[];
  replicas: number;
  running: number;
}

export interface IPipeline {
  id: number;
  name: string;
  workspace_id: number;
  created_at: string;
  updated_at: string;
  published: boolean;
  versions: IPipelineVersion[];
  steps: string[];
  deployment: IDeployment | null;
}

export interface IPublish {
  id: number;
  pipeline_version_id: number;
  pipeline_version_name: string;
  status: string;
  created_at: string;
  updated_at: string;
  pipeline_url: string | null;
  engine_url: string | null;
  helm: Record<string, unknown> | null;
  error: string | null;
  docker_run_variables: Record<string, string>;
}

export type EdgeState = 'waiting' | 'online' | 'late' | 'lost' | 'stopped';

export interface IEdge {
  id: string;
  name: string;
  tags: string[];
  pipeline_version_id: number;
  pipeline_publish_id: number;
  joined_at: string | null;
  last_seen: string | null;
  state: EdgeState;
  agent_version: string | null;
  pipeline_version: string | null;
  rows: number;
  backlog_rows: number | null;
  dropped_rows: number;
}

export type JobState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';

export interface IJob {
  id: number;
  kind: string;
  /** The name of what it is about. */
  subject: string;
  state: JobState;
  progress: number;
  message: string;
  error: string | null;
  created_at: string;
  updated_at: string;
}

/** A row of a pipeline's inference log, without what went in and came out; `elapsed` is in nanoseconds. */
export interface ILogRow {
  /** The front end's own, the same at each reading. */
  key: string;
  time: number;
  check_failures: unknown;
  metadata: { partition: string; elapsed?: number[]; last_model?: string };
}

/** The last three are the front end's own: Jupyter refuses, has no server extension, or does not answer. */
export type EngineState =
  'running' | 'stopped' | 'unreachable' | 'unauthorized' | 'forbidden' | 'missing' | 'offline';

/** What the server extension says of itself and of the engine. */
export interface IEngineStatus {
  state: EngineState;
  /** Whether the engine is the Jupyter server's own, which it can start. */
  is_local: boolean;
  version: string;
  engine_version: string | null;
  msg: string | null;
}

/** `all` where changes may have been missed. */
export type Kind =
  'all' | 'workspace' | 'model' | 'pipeline' | 'deployment' | 'publish' | 'edge' | 'job' | 'log';

/** What the engine says changed. */
export interface IChange {
  kind: Kind;
  id: number | string | null;
  action: 'created' | 'changed' | 'deleted';
  workspace_id: number | null;
}

/** A part of a list; `next` is what the following part is asked with, null after the last. */
export interface IPage<T> {
  items: T[];
  next: string | null;
  total: number | null;
}

/** Which part of a list. */
export interface IPageRequest {
  limit: number;
  after: string | null;
  filter: string;
}
