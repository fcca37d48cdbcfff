import { Time } from '@jupyterlab/coreutils';

/** How long ago something was, in few letters. */
export function ago(time: string | number): string {
  return Time.formatHuman(typeof time === 'number' ? new Date(time) : time, 'narrow');
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
