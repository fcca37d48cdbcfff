import type { EdgeClient } from './client';
import { jobOf } from './jobs';

/** Return a name that the engine takes for a model, made of a file's. */
export function modelNameOf(fileName: string): string {
  const stem = fileName.replace(/\.onnx$/i, '').toLowerCase();
  return stem.replace(/[^a-z0-9-]+/g, '-').replace(/^-+|-+$/g, '') || 'model';
}

/** Send a model file, unless told to stop; resolves with the job that checks it, as soon as the bytes are there. */
export async function startUpload(
  client: EdgeClient,
  workspace_id: number,
  file: File,
  signal: AbortSignal | null = null
): Promise<number | null> {
  const name = modelNameOf(file.name);
  const metadata = { name, visibility: 'private', workspace_id, conversion: { framework: 'onnx' } };
  const form = new FormData();
  form.append('metadata', new Blob([JSON.stringify(metadata)], { type: 'application/json' }));
  form.append('file', file, file.name);
  return jobOf(await client.send('models/upload', form, { Prefer: 'respond-async' }, signal));
}
