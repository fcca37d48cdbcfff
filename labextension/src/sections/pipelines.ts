import { copyIcon, runIcon, shareIcon, stopIcon } from '@jupyterlab/ui-components';

import { curlFor, inferFromFile } from '../model/inference';
import { startJob } from '../model/jobs';
import type { IDeployment, IPipeline } from '../model/types';
import { copyText } from '../ui/copy';
import { askForFile, askToRemove } from '../ui/ask';
import { showAnswer } from '../ui/answer';
import { runJob } from '../ui/notify';
import type { IAction, IContext, IRowFace, ISection } from '../ui/section';
import { ago, moment, short } from '../ui/words';

const isWanted = ({ deployment: made }: IPipeline): boolean => made?.deployed === true;
const isAnswering = ({ deployment: made }: IPipeline): boolean => made?.deployed === true && made.running > 0;

/** The pipelines of the workspace, and how they are deployed. */
export function pipelines(context: IContext): ISection<IPipeline> {
  const { model, trans } = context;
  return {
    name: 'pipelines',
    title: trans.__('Pipelines'),
    list: model.lists.pipelines,
    key: ({ id }) => String(id),
    face: item => face(item, context),
    details: item => [
      [trans.__('Steps'), item.steps.join(' → ') || trans.__('none')],
      [trans.__('Version'), short(item.versions[0]?.version ?? '–')],
      [trans.__('Versions'), item.versions.length],
      [trans.__('Replicas'), replicas(item, trans)],
      [trans.__('Endpoint'), isAnswering(item) ? item.deployment?.url : trans.__('does not answer')],
      ...(item.deployment?.details ?? []).map(detail => [trans.__('Trouble'), detail] as const),
      [trans.__('Changed'), moment(item.updated_at)]
    ],
    actions: [opening(context), ...deployment(context), ...everyday(context), removal(context)],
    primary: 'show-pipeline',
    empty: () => ({
      what: trans.__('There is no pipeline in this workspace yet.'),
      next: trans.__('Make one of a model here, or in a notebook:'),
      code: '%edge pipeline NAME MODEL',
      command: 'new-pipeline'
    }),
    toolbar: ['new-pipeline']
  };
}

function face(item: IPipeline, { trans }: IContext): IRowFace {
  const { word, tone } = deploymentState(item.deployment, trans);
  const reason = item.deployment?.status === 'Error' ? item.deployment.details[0] : undefined;
  return {
    title: item.name,
    subtitle: reason ?? (item.steps.join(' → ') || trans.__('no steps')),
    aside: ago(item.updated_at),
    state: word ?? (item.published ? trans.__('published') : undefined),
    tone
  };
}

/** How a deployment is, in a word and a colour; no word where there is none. */
function deploymentState(
  made: IDeployment | null,
  trans: IContext['trans']
): { word?: string; tone: IRowFace['tone'] } {
  const count = [made?.running, made?.replicas] as const;
  const isWhole = made !== null && made.running >= made.replicas;
  switch (made?.status) {
    case 'Starting':
      return { word: trans.__('starting, %1 of %2', ...count), tone: 'busy' };
    case 'Running':
      return isWhole
        ? { word: trans.__('running'), tone: 'good' }
        : { word: trans.__('running, %1 of %2', ...count), tone: 'busy' };
    case 'Error':
      return { word: trans.__('failed'), tone: 'bad' };
    case 'Stopping':
      return { word: trans.__('stopping'), tone: 'busy' };
    default:
      return { tone: 'idle' };
  }
}

function replicas({ deployment: made }: IPipeline, trans: IContext['trans']): string {
  const isThere = made !== null && made.status !== null;
  return isThere ? trans.__('%1 of %2 running', made.running, made.replicas) : trans.__('none');
}

function opening({ commands, trans }: IContext): IAction<IPipeline> {
  return {
    id: 'show-pipeline',
    label: trans.__('Open Page'),
    caption: trans.__('Show this pipeline’s definition, deployment, traffic, log, publishes and edges'),
    run: async ({ id, name }) => {
      await commands.execute('jupyter-edge:open-pipeline', { id, name });
    }
  };
}

function deployment(context: IContext): Array<IAction<IPipeline>> {
  const { model, trans } = context;
  const start = async (endpoint: string, body: object, title: string): Promise<void> => {
    await runJob(context, title, () => startJob(model.client, endpoint, body));
    await model.lists.pipelines.refresh();
  };
  return [
    {
      id: 'deploy-pipeline',
      label: trans.__('Deploy'),
      caption: trans.__('Start replicas of the newest version of this pipeline'),
      icon: runIcon,
      isQuick: true,
      isOffered: item => item.steps.length > 0 && (!isWanted(item) || item.deployment?.status === 'Error'),
      run: ({ versions, name }) =>
        start(
          'pipelines/deploy',
          { pipeline_version_pk_id: versions[0]?.id },
          trans.__('Deployment of %1', name)
        )
    },
    {
      id: 'undeploy-pipeline',
      label: trans.__('Undeploy'),
      caption: trans.__('End the replicas of this pipeline once they have answered what they accepted'),
      icon: stopIcon,
      isQuick: true,
      isOffered: isWanted,
      run: ({ id, name }) =>
        start('pipelines/undeploy', { pipeline_id: id }, trans.__('Undeployment of %1', name))
    },
    {
      id: 'publish-pipeline',
      label: trans.__('Publish'),
      caption: trans.__('Push the newest version of this pipeline to the edge registry'),
      icon: shareIcon,
      isQuick: true,
      isOffered: item => item.steps.length > 0,
      run: async ({ versions, name }) => {
        await start(
          'pipelines/publish',
          { pipeline_version_id: versions[0]?.id },
          trans.__('Publish of %1', name)
        );
        await model.lists.publishes.refresh();
      }
    }
  ];
}

function everyday({ model, trans, commands }: IContext): Array<IAction<IPipeline>> {
  return [
    {
      id: 'infer-from-file',
      label: trans.__('Infer From a File…'),
      caption: trans.__('Send an Arrow or pandas-records file to this pipeline and show the answer'),
      isOffered: isAnswering,
      run: async item => {
        const file = await askForFile('.arrow,.json');
        if (file) {
          await showAnswer(trans, item.name, await inferFromFile(model.client, item, file));
        }
      }
    },
    {
      id: 'show-log',
      label: trans.__('Show Log'),
      caption: trans.__('Show the inference log of this pipeline'),
      run: async ({ name }) => {
        await commands.execute('jupyter-edge:open-section', { section: 'log' });
        await model.chooseLog(name);
      }
    },
    {
      id: 'copy-endpoint',
      label: trans.__('Copy Endpoint'),
      caption: trans.__('Copy the address that answers inference requests'),
      icon: copyIcon,
      isOffered: isAnswering,
      run: ({ deployment: made }) => copyText(made?.url ?? '')
    },
    {
      id: 'copy-curl',
      label: trans.__('Copy curl'),
      caption: trans.__('Copy a curl command that asks this pipeline'),
      isOffered: isAnswering,
      run: item => copyText(curlFor(item))
    }
  ];
}

function removal(context: IContext): IAction<IPipeline> {
  const { model, trans } = context;
  return {
    id: 'delete-pipeline',
    label: trans.__('Delete Pipeline…'),
    caption: trans.__('Delete this pipeline; one that is deployed or runs on edges is kept'),
    run: async ({ id, name }) => {
      const body = trans.__('Its versions and publishes go with it.');
      if (await askToRemove(context, trans.__('Delete pipeline “%1”?', name), body, trans.__('Delete'))) {
        await model.client.call('pipelines/delete', { id });
        await model.lists.pipelines.refresh();
      }
    }
  };
}
