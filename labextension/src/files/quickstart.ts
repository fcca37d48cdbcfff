import type { INotebookContent } from '@jupyterlab/nbformat';
import type { TranslationBundle } from '@jupyterlab/translation';

/** Return a notebook that goes the whole way from a model to answers, on the samples that come with the package. */
export function quickstart(trans: TranslationBundle, kernel: string): INotebookContent {
  const say = (source: string) => ({ cell_type: 'markdown', metadata: {}, source });
  const run = (...lines: string[]) => ({
    cell_type: 'code',
    metadata: {},
    source: lines.join('\n'),
    outputs: [],
    execution_count: null
  });
  return {
    nbformat: 4,
    nbformat_minor: 4,
    metadata: { kernelspec: { name: kernel, display_name: kernel } },
    cells: [
      say(
        `# ${trans.__('Edge quickstart')}\n\n` +
          trans.__(
            'From a model to answers in five cells; you may run them again whenever you like. The Edge panel at the side shows what they do.'
          )
      ),
      run('%load_ext jupyter_edge', '%edge workspace quickstart'),
      say(trans.__('Upload a model that tells fraudulent card transactions from honest ones.')),
      run(
        'from jupyter_edge.samples import path',
        '',
        '%edge upload ccfraud {path("ccfraud.onnx")} --fields tensor'
      ),
      say(trans.__('Deploy it in a pipeline, under the limits of a small machine.')),
      run('%edge pipeline card-fraud ccfraud', '%edge deploy card-fraud --cpus 0.5 --memory 900Mi'),
      say(trans.__('Ask it about a thousand transactions.')),
      run('%edge infer card-fraud {path("transactions.arrow")} -o answers', 'answers.head()'),
      say(trans.__('Publish it, for edges to run: the panel registers them, and shows what they answer.')),
      run('%edge publish card-fraud --cpus 0.5 --memory 900Mi'),
      say(trans.__('Stop the pipeline when you are done: `%edge undeploy card-fraud`'))
    ]
  };
}
