import { addIcon, copyIcon } from '@jupyterlab/ui-components';

import { commandsOf, type CommandName } from '../model/publishCommands';
import type { IPublish } from '../model/types';
import { copyText } from '../ui/copy';
import { askForName, askToRemove } from '../ui/ask';
import { showBundle } from '../ui/bundle';
import type { IAction, IContext, IRowFace, ISection } from '../ui/section';
import { ago, moment, short } from '../ui/words';

const isPublished = ({ status }: IPublish): boolean => status === 'Published';

/** The publishes of the workspace's pipelines. */
export function publishes(context: IContext): ISection<IPublish> {
  const { model, trans } = context;
  return {
    name: 'publishes',
    title: trans.__('Publishes'),
    list: model.lists.publishes,
    key: ({ id }) => String(id),
    face: item => face(item, context),
    details: item => [
      [trans.__('Id'), item.id],
      [trans.__('Status'), item.error ?? publishState(item, trans).word],
      [trans.__('Pipeline URL'), item.pipeline_url ?? '–'],
      [trans.__('Engine URL'), item.engine_url ?? '–'],
      [trans.__('Published'), moment(item.created_at)]
    ],
    actions: [register(context), ...copies(context), removal(context)],
    empty: () => ({
      what: trans.__('Nothing is published yet.'),
      next: trans.__('Publish a pipeline by its share button above, or in a notebook:'),
      code: '%edge publish NAME'
    })
  };
}

/** The colour of a publish's status, and the word for it. */
export function publishState(
  { status }: IPublish,
  trans: IContext['trans']
): { tone: IRowFace['tone']; word: string } {
  switch (status) {
    case 'Published':
      return { tone: 'good', word: trans.__('published') };
    case 'Error':
      return { tone: 'bad', word: trans.__('failed') };
    case 'PendingPublish':
      return { tone: 'busy', word: trans.__('queued') };
    default:
      return { tone: 'busy', word: trans.__('publishing') };
  }
}

function face(item: IPublish, { trans }: IContext): IRowFace {
  const { tone, word } = publishState(item, trans);
  const [name, version] = (item.pipeline_url?.split('/').pop() ?? '').split(':');
  return {
    title: name || `#${item.id}`,
    subtitle: item.error ?? short(version || item.pipeline_version_name),
    aside: ago(item.created_at),
    state: word,
    tone
  };
}

function register({ model, trans }: IContext): IAction<IPublish> {
  return {
    id: 'register-edge',
    label: trans.__('Register Edge…'),
    caption: trans.__('Give a location that runs this publish a name, and get what it joins with'),
    icon: addIcon,
    isQuick: true,
    isOffered: isPublished,
    run: async ({ id }) => {
      const name = await askForName(
        trans,
        trans.__('Register an edge'),
        trans.__('Name'),
        trans.__('Register')
      );
      if (name) {
        const body = { pipeline_publish_id: id, name, tags: [] };
        const made = await model.client.call<IPublish>('pipelines/add_edge_to_publish', body);
        void model.lists.edges.refresh();
        const commands = await commandsOf(model.client, made).catch(() => null); // what it joins with is shown once only
        await showBundle(trans, name, made.docker_run_variables.EDGE_BUNDLE ?? '', commands);
      }
    }
  };
}

function copies({ model, trans }: IContext): Array<IAction<IPublish>> {
  const copy = (name: CommandName, label: string, caption: string): IAction<IPublish> => ({
    id: `copy-${name}`,
    label,
    caption,
    icon: name === 'docker' ? copyIcon : undefined,
    isQuick: name === 'docker',
    isOffered: isPublished,
    run: async item => copyText((await commandsOf(model.client, item))[name])
  });
  return [
    copy('docker', trans.__('Copy docker run'), trans.__('Copy the docker command that runs this publish')),
    copy('compose', trans.__('Copy compose.yaml'), trans.__('Copy the compose file that runs this publish')),
    copy('helm', trans.__('Copy helm install'), trans.__('Copy the helm commands that install this publish')),
    copy(
      'serve',
      trans.__('Copy serve'),
      trans.__('Copy the command that runs this publish without a container')
    )
  ];
}

function removal(context: IContext): IAction<IPublish> {
  const { model, trans } = context;
  return {
    id: 'delete-publish',
    label: trans.__('Delete Publish…'),
    caption: trans.__('Delete this publish; one that has edges is kept'),
    run: async ({ id }) => {
      const body = trans.__('Edges cannot pull it any more.');
      if (await askToRemove(context, trans.__('Delete publish %1?', id), body, trans.__('Delete'))) {
        await model.client.call('pipelines/delete_publish', { id });
        await model.lists.publishes.refresh();
      }
    }
  };
}
