/** Something that a row shows, and that a cell can be about. */
export type Thing =
  | { kind: 'model'; name: string }
  | { kind: 'pipeline'; name: string; isDeployed: boolean }
  | { kind: 'publish'; id: number; pipeline: string }
  | { kind: 'edge'; name: string; pipeline: string };

const LOAD = '%load_ext jupyter_edge';
const IS_LOADED = /^\s*%(re)?load_ext\s+jupyter_edge\s*$/m;
const HAS_MAGIC = /^\s*%%?edge\b/m;

/** Return the code of a cell that does what a thing is there for. */
export function codeOf(thing: Thing, workspace: string): string {
  const there = `--workspace ${argument(workspace)}`;
  switch (thing.kind) {
    case 'model':
      return [
        'from jupyter_edge import Client',
        '',
        'client = Client()',
        `client.set_current_workspace(client.get_workspace(${JSON.stringify(workspace)}))`,
        `model = client.get_model(${JSON.stringify(thing.name)})`,
        'model'
      ].join('\n');
    case 'pipeline':
      return thing.isDeployed
        ? [
            `%edge pipeline ${thing.name} ${there}`,
            `# %edge infer ${thing.name} data.arrow ${there} -o answers`
          ].join('\n')
        : `%edge deploy ${thing.name} ${there}`;
    case 'publish':
      return `%edge serve ${thing.pipeline} --publish ${thing.id} ${there}`;
    case 'edge':
      return [
        `%edge logs ${thing.pipeline} ${there} --dataset time,out,metadata.partition -o log`,
        `log[log["metadata.partition"] == ${JSON.stringify(thing.name)}]`
      ].join('\n');
  }
}

/** Put the line before a cell that loads `%edge`, where it is needed and no cell above has it. */
export function withExtension(code: string, above: readonly string[]): string {
  const isNeeded = HAS_MAGIC.test(code) && !above.some(cell => IS_LOADED.test(cell));
  return isNeeded ? `${LOAD}\n${code}` : code;
}

/** Write a word as a magic takes it: in quotes where it must, and so that IPython puts no variable in its place. */
function argument(text: string): string {
  if (/^[\w.-]+$/.test(text)) {
    return text;
  }
  const plain = text.replace(/[\\"]/g, '\\$&').replace(/[{}]/g, '$&$&');
  return `"${plain.replace(/\$(?=[\w.])/g, '$$$$')}"`;
}
