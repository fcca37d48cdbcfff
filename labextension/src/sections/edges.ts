import type { EdgeState, IEdge } from '../model/types';
import { askToRemove } from '../ui/ask';
import type { IContext, IRowFace, ISection } from '../ui/section';
import { ago, moment, short } from '../ui/words';

/** The edges that run publishes of the workspace. */
export function edges(context: IContext): ISection<IEdge> {
  const { model, trans } = context;
  return {
    name: 'edges',
    title: trans.__('Edges'),
    list: model.lists.edges,
    toolbar: ['open-fleet'],
    key: ({ id }) => id,
    face: item => face(item, context),
    details: item => [
      [trans.__('Joined'), moment(item.joined_at)],
      [trans.__('Last seen'), moment(item.last_seen)],
      [trans.__('Rows'), item.rows.toLocaleString()],
      [trans.__('Rows lost'), item.dropped_rows.toLocaleString()],
      [trans.__('Backlog'), item.backlog_rows?.toLocaleString() ?? '–'],
      [trans.__('Agent'), item.agent_version ?? '–'],
      [trans.__('Serves version'), short(item.pipeline_version ?? '–')],
      [trans.__('Publish'), item.pipeline_publish_id],
      [trans.__('Tags'), item.tags.join(', ') || '–']
    ],
    actions: [
      {
        id: 'remove-edge',
        label: trans.__('Remove Edge…'),
        caption: trans.__('Refuse this edge from now on; its log stays'),
        run: async ({ name }) => {
          const body = trans.__(
            'The engine refuses it from then on. It goes on to answer where it runs; its log stays.'
          );
          if (await askToRemove(context, trans.__('Remove edge “%1”?', name), body, trans.__('Remove'))) {
            await model.client.call('pipelines/remove_edge', { name });
            await model.lists.edges.refresh();
          }
        }
      }
    ],
    empty: () => ({
      what: trans.__('No edge is registered yet.'),
      next: trans.__('Register one by the + of a publish above, or in a notebook:'),
      code: '%edge edge add NAME PIPELINE'
    })
  };
}

const TONES: Record<EdgeState, IRowFace['tone']> = {
  waiting: 'idle',
  online: 'good',
  late: 'busy',
  lost: 'bad',
  stopped: 'idle'
};

/** The colour of an edge's state, and the word for it. */
export function edgeState(
  state: EdgeState,
  trans: IContext['trans']
): { tone: IRowFace['tone']; word: string } {
  const words: Record<EdgeState, string> = {
    waiting: trans.__('waiting'),
    online: trans.__('online'),
    late: trans.__('late'),
    lost: trans.__('lost'),
    stopped: trans.__('stopped')
  };
  return { tone: TONES[state], word: words[state] };
}

function face(item: IEdge, { trans }: IContext): IRowFace {
  const shipped = [trans._n('%2 row', '%2 rows', item.rows, item.rows.toLocaleString())];
  if (item.backlog_rows) {
    shipped.push(trans.__('%1 to come', item.backlog_rows.toLocaleString()));
  }
  if (item.agent_version) {
    shipped.push(`v${item.agent_version}`);
  }
  const { tone, word } = edgeState(item.state, trans);
  return {
    title: item.name,
    subtitle: item.joined_at ? shipped.join(' · ') : trans.__('waits for its first start'),
    aside: item.last_seen ? ago(item.last_seen) : undefined,
    state: word,
    tone
  };
}
