/** What Edge does with a file, by how its name ends. */
export type FileKind = 'model' | 'data';

/** Return what a file is for Edge; null for one that it does not take. */
export function kindOf(name: string): FileKind | null {
  const [, ending] = /\.(onnx|arrow|json)$/i.exec(name) ?? [];
  return ending === undefined ? null : ending.toLowerCase() === 'onnx' ? 'model' : 'data';
}

/** Return the last part of a path. */
export function baseName(path: string): string {
  return path.split('/').pop() ?? path;
}
