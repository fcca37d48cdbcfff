/** Tell which of two versions is older, by their numbers. */
function isOlder(one: string, other: string): boolean {
  return one.localeCompare(other, 'en', { numeric: true }) < 0;
}

/** What to say, and the command that mends it, where front end and server are of different releases. */
export interface IMismatch {
  what: string;
  pip: string;
}

/** Compare the front end's version with that of the server package; null where they are the same. */
export function compareVersions(frontEnd: string, server: string): IMismatch | null {
  if (frontEnd === server) {
    return null;
  }
  const newest = isOlder(frontEnd, server) ? server : frontEnd;
  const pip = `pip install --upgrade --force-reinstall --no-deps jupyter-edge==${newest}`;
  return { what: `${frontEnd} / ${server}`, pip };
}
