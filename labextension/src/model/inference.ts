import type { EdgeClient } from './client';
import type { IPipeline } from './types';

const ARROW = 'application/vnd.apache.arrow.file';
const RECORDS = 'application/json; format=pandas-records';

/** Send a file to a deployed pipeline and return its rows, without the input that each echoes. */
export async function inferFromFile(client: EdgeClient, pipeline: IPipeline, file: File): Promise<unknown[]> {
  const { name, deployment } = pipeline;
  const type = file.name.toLowerCase().endsWith('.json') ? RECORDS : ARROW;
  const endpoint = `pipelines/infer/${encodeURIComponent(`${name}-${deployment?.id}`)}/${encodeURIComponent(name)}`;
  const headers = { 'Content-Type': type, Accept: RECORDS };
  const answer = await client.send(`${endpoint}?dataset.exclude=in`, file, headers);
  return (await answer.json()) as unknown[];
}

/** Return a curl command that asks a deployed pipeline, for a shell on the engine's machine. */
export function curlFor({ deployment }: IPipeline): string {
  return [
    'eval "$(jupyter-edge env)"',
    `curl -sS --fail-with-body '${deployment?.url}' \\`,
    '  -H "Authorization: Bearer $JUPYTER_EDGE_TOKEN" \\',
    `  -H 'Content-Type: ${ARROW}' \\`,
    '  --data-binary @data.arrow'
  ].join('\n');
}
