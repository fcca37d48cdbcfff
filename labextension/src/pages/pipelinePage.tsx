import * as React from 'react';

import type { PipelinePageModel } from '../model/pipelinePage';
import { pipelines } from '../sections/pipelines';
import { notifyError } from '../ui/notify';
import type { IPageContext } from './context';
import { Inferences } from './inferences';
import { Metrics } from './metrics';
import { Page, type ISurroundings } from './page';
import { Card, RangeChoice, Trouble } from './parts';
import { Definition, Deployment, DeploymentState, Edges, Publishes, type IPartProps } from './pipelineParts';

/** Which of the panel's actions the page has buttons for. */
const BUTTONS = [
  'deploy-pipeline',
  'undeploy-pipeline',
  'publish-pipeline',
  'infer-from-file',
  'copy-endpoint'
];

/** The page of a pipeline: what it is, how it does, what it answered, and where it runs. */
export class PipelinePage extends Page<PipelinePageModel> {
  constructor(
    private readonly context: IPageContext,
    model: PipelinePageModel,
    surroundings: ISurroundings
  ) {
    super(model, surroundings);
  }

  protected override view(): React.JSX.Element {
    const { context, model } = this;
    const { trans } = context;
    const { pipeline, timings } = model;
    const fail = (error: unknown): void => notifyError(error, trans);
    const look = (range: PipelinePageModel['range']): void => void model.look(range).catch(fail);
    return (
      <div className="jp-Edge-pageBody">
        <Trouble context={context} page={model} />
        {pipeline === null && model.error === null && <p className="jp-Edge-note">{trans.__('Loading…')}</p>}
        {pipeline !== null && (
          <>
            <Head context={context} page={model} />
            <div className="jp-Edge-cards">
              <Definition context={context} page={model} />
              <Deployment context={context} page={model} />
              <Card
                title={trans.__('Traffic')}
                isWide={true}
                aside={<RangeChoice context={context} value={model.range} onChange={look} />}
              >
                {timings && <Metrics context={context} timings={timings} group={this.id} />}
              </Card>
              <Inferences context={context} page={model} />
              <Publishes context={context} page={model} />
              <Edges context={context} page={model} />
            </div>
          </>
        )}
      </div>
    );
  }
}

/** Which pipeline it is, how it is, and what can be done with it. */
function Head({ context, page }: IPartProps): React.JSX.Element | null {
  const { pipeline } = page;
  const actions = React.useMemo(
    () => pipelines(context).actions.filter(({ id }) => BUTTONS.includes(id)),
    [context]
  );
  if (pipeline === null) {
    return null;
  }
  return (
    <header className="jp-Edge-pageHead">
      <div className="jp-Edge-pageName">
        <h2>{pipeline.name}</h2>
        <DeploymentState context={context} page={page} />
        {pipeline.deployment?.deployed && <code className="jp-Edge-endpoint">{pipeline.deployment.url}</code>}
      </div>
      <div className="jp-Edge-choices">
        {actions
          .filter(action => action.isOffered?.(pipeline) ?? true)
          .map(({ id, label, caption, run, icon: Icon }) => (
            <button
              key={id}
              type="button"
              className="jp-Edge-next"
              title={caption}
              onClick={() => void run(pipeline).catch((error: unknown) => notifyError(error, context.trans))}
            >
              {Icon && <Icon.react tag="span" />}
              {label}
            </button>
          ))}
      </div>
    </header>
  );
}
