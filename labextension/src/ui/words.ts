const UNITS = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1]
] as const;
/** Made once: JupyterLab's own words for it make one for each text, which takes longer than to draw a row. */
let relative: Intl.RelativeTimeFormat | undefined;

/** How long ago something was, in few letters. */
export function ago(time: string | number): string {
  relative ??= new Intl.RelativeTimeFormat(document.documentElement.lang || 'en', {
    numeric: 'auto',
    style: 'narrow'
  });
  const seconds = (new Date(time).getTime() - Date.now()) / 1000;
  const [unit, length] = UNITS.find(([, least]) => Math.abs(seconds) >= least) ?? ['second', 1];
  return relative.format(Math.trunc(seconds / length), unit);
}

/** A moment in full. */
export function moment(time: string | number | null): string {
  return time === null ? '–' : new Date(time).toLocaleString();
}

/** A duration in nanoseconds, in the unit that suits it. */
export function duration(nanoseconds: number): string {
  const milliseconds = nanoseconds / 1e6;
  return milliseconds < 1 ? `${(nanoseconds / 1e3).toFixed(0)} µs` : `${milliseconds.toFixed(1)} ms`;
}

/** The first letters of a UUID or digest. */
export function short(text: string): string {
  return text.slice(0, 8);
}
