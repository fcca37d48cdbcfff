import { caretRightIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { IReplica, PipelinePageModel } from '../model/pipelinePage';
import type { IEdge, IPublish } from '../model/types';
import { edgeState } from '../sections/edges';
import { publishState } from '../sections/publishes';
import type { IRowFace } from '../ui/section';
import { ago, moment, short } from '../ui/words';
import type { IPageContext } from './context';
import { Card, Nothing, State } from './parts';
import { Table, type IColumn } from './table';

export interface IPartProps {
  context: IPageContext;
  page: PipelinePageModel;
}

interface IStep {
  ModelInference?: { models?: Array<{ name: string; version: string }> };
}

/** The steps of the newest version, from what goes in to what comes out. */
export function Definition({ context, page }: IPartProps): React.JSX.Element {
  const { trans } = context;
  const version = page.pipeline?.versions[0];
  const steps = (version?.definition.steps ?? []) as IStep[];
  const aside =
    version && `${trans.__('version %1', short(version.version))} · ${moment(version.created_at)}`;
  return (
    <Card title={trans.__('Definition')} aside={aside}>
      {steps.length === 0 ? (
        <Nothing
          what={trans.__('The newest version has no steps.')}
          next={trans.__('Add a model to it in a notebook:')}
          code={`%edge pipeline ${page.pipeline?.name ?? 'NAME'} MODEL`}
        />
      ) : (
        <ol className="jp-Edge-graph" aria-label={trans.__('Steps, in the order in which they run')}>
          <li className="jp-Edge-node jp-mod-end">{trans.__('request')}</li>
          {steps.map((step, index) => (
            <StepNode key={index} step={step} number={index + 1} context={context} />
          ))}
          <li className="jp-Edge-node jp-mod-end">
            <Arrow />
            {trans.__('answer')}
          </li>
        </ol>
      )}
    </Card>
  );
}

function Arrow(): React.JSX.Element {
  return (
    <span className="jp-Edge-arrow" aria-hidden="true">
      <caretRightIcon.react tag="span" />
    </span>
  );
}

function StepNode(props: { step: IStep; number: number; context: IPageContext }): React.JSX.Element {
  const { step, number, context } = props;
  const models = step.ModelInference?.models ?? [];
  return (
    <li className="jp-Edge-node">
      <Arrow />
      <div className="jp-Edge-step">
        <span className="jp-Edge-stepKind">{context.trans.__('Step %1 · model', number)}</span>
        {models.map(({ name, version }) => (
          <React.Fragment key={version}>
            <b title={name}>{name}</b>
            <code title={version}>{short(version)}</code>
          </React.Fragment>
        ))}
      </div>
    </li>
  );
}

const TONES: Record<string, IRowFace['tone']> = {
  Running: 'good',
  Starting: 'busy',
  Stopping: 'busy',
  Error: 'bad'
};

/** How the deployment is, in a mark and a word. */
export function DeploymentState({ context, page }: IPartProps): React.JSX.Element {
  const { trans } = context;
  const status = page.status?.status ?? '';
  return (
    <State tone={TONES[status]} word={status ? runningState(status, trans) : trans.__('not deployed')} />
  );
}

/** The word for how a deployment, or one replica of it, is. */
function runningState(status: string, trans: IPageContext['trans']): string {
  const words: Record<string, string> = {
    Running: trans.__('running'),
    Starting: trans.__('starting'),
    Stopping: trans.__('stopping'),
    Error: trans.__('failed')
  };
  return words[status] ?? status;
}

/** The limits that a deployment asks for, in words. */
function limitsOf({ trans }: IPageContext, config: Record<string, unknown>): string {
  const engine = (config.engine ?? {}) as {
    replicas?: number;
    cpu?: number;
    resources?: { limits?: { cpu?: number; memory?: string } };
  };
  const { cpu = engine.cpu, memory } = engine.resources?.limits ?? {};
  const parts = [
    trans._n('%1 replica', '%1 replicas', engine.replicas ?? 1),
    cpu === undefined ? null : trans._n('%1 CPU each', '%1 CPUs each', cpu),
    memory === undefined ? null : trans.__('%1 memory each', memory)
  ];
  return parts.filter(part => part !== null).join(' · ');
}

/** The state, and each replica's. */
export function Deployment({ context, page }: IPartProps): React.JSX.Element {
  const { trans } = context;
  const { status, pipeline } = page;
  const config = pipeline?.deployment?.engine_config;
  const hasSteps = pipeline !== null && pipeline.steps.length > 0;
  return (
    <Card title={trans.__('Deployment')} aside={status && config && limitsOf(context, config)}>
      {status === null ? (
        <Nothing
          what={trans.__('This pipeline is not deployed.')}
          {...(hasSteps
            ? {
                next: trans.__('Deploy it by the button above, or in a notebook:'),
                code: `%edge deploy ${pipeline.name}`
              }
            : { next: trans.__('It can be once it has a step.') })}
        />
      ) : (
        <>
          {status.details.map(detail => (
            <p key={detail} className="jp-Edge-note jp-mod-error" role="alert">
              {detail}
            </p>
          ))}
          <ul className="jp-Edge-replicas">
            {status.engines.map(replica => (
              <Replica key={replica.name} replica={replica} context={context} page={page} />
            ))}
          </ul>
        </>
      )}
    </Card>
  );
}

function Replica(props: IPartProps & { replica: IReplica }): React.JSX.Element {
  const { name, status, reason, details } = props.replica;
  return (
    <li>
      <div className="jp-Edge-replica">
        <code>{name}</code>
        <State tone={TONES[status]} word={runningState(status, props.context.trans)} />
      </div>
      {[...(reason ? [reason] : []), ...details].map(detail => (
        <p key={detail}>{detail}</p>
      ))}
    </li>
  );
}

/** The publishes of all versions, newest first. */
export function Publishes({ context, page }: IPartProps): React.JSX.Element {
  const { trans } = context;
  const { pipeline } = page;
  const hasSteps = pipeline !== null && pipeline.steps.length > 0;
  const columns: Array<IColumn<IPublish>> = [
    { id: 'id', label: trans.__('Publish'), width: '64px', cell: ({ id }) => `#${id}` },
    {
      id: 'status',
      label: trans.__('State'),
      width: 'minmax(100px, 1fr)',
      cell: publish => (
        <span title={publish.error ?? undefined}>
          <State {...publishState(publish, trans)} />
        </span>
      )
    },
    {
      id: 'version',
      label: trans.__('Version'),
      width: '88px',
      cell: ({ pipeline_version_name: version }) => <code title={version}>{short(version)}</code>
    },
    {
      id: 'edges',
      label: trans.__('Edges'),
      width: '60px',
      isNumber: true,
      cell: ({ id }) => page.edges.filter(edge => edge.pipeline_publish_id === id).length
    },
    {
      id: 'created',
      label: trans.__('When'),
      width: '72px',
      isNumber: true,
      cell: ({ created_at: time }) => <span title={moment(time)}>{ago(time)}</span>
    }
  ];
  return (
    <Card title={trans.__('Publishes')}>
      {page.publishes.length === 0 ? (
        <Nothing
          what={trans.__('Nothing of this pipeline is published yet.')}
          {...(hasSteps
            ? {
                next: trans.__('Publish it by the button above, or in a notebook:'),
                code: `%edge publish ${pipeline.name}`
              }
            : { next: trans.__('It can be once it has a step.') })}
        />
      ) : (
        <Table
          label={trans.__('Publishes')}
          columns={columns}
          rows={page.publishes}
          keyOf={({ id }) => String(id)}
          most={8}
        />
      )}
    </Card>
  );
}

/** The edges that run a publish of the pipeline. */
export function Edges({ context, page }: IPartProps): React.JSX.Element {
  const { trans } = context;
  const columns: Array<IColumn<IEdge>> = [
    { id: 'name', label: trans.__('Edge'), width: 'minmax(120px, 1fr)', cell: ({ name }) => name },
    {
      id: 'state',
      label: trans.__('State'),
      width: '92px',
      cell: ({ state }) => <State {...edgeState(state, trans)} />
    },
    {
      id: 'rows',
      label: trans.__('Rows'),
      width: '84px',
      isNumber: true,
      cell: ({ rows }) => rows.toLocaleString()
    },
    {
      id: 'seen',
      label: trans.__('Last seen'),
      width: '84px',
      isNumber: true,
      cell: ({ last_seen: time }) => (time ? <span title={moment(time)}>{ago(time)}</span> : '–')
    }
  ];
  const fleet = (
    <button type="button" className="jp-Edge-link" onClick={context.openFleet}>
      {trans.__('Fleet')}
    </button>
  );
  return (
    <Card title={trans.__('Edges')} aside={fleet}>
      {page.edges.length === 0 ? (
        <Nothing
          what={trans.__('No edge runs this pipeline yet.')}
          next={trans.__('Register one with a publish of it, in the panel or in a notebook:')}
          code={`%edge edge add NAME ${page.pipeline?.name ?? 'PIPELINE'}`}
        />
      ) : (
        <Table
          label={trans.__('Edges')}
          columns={columns}
          rows={page.edges}
          keyOf={({ id }) => id}
          most={8}
          onOpen={context.openFleet}
        />
      )}
    </Card>
  );
}
