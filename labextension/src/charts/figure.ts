import type { TranslationBundle } from '@jupyterlab/translation';

/** A line of a chart: its colour is a theme variable, and its dashes tell it from others without colour. */
export interface ISeries {
  name: string;
  values: ReadonlyArray<number | null>;
  color: string;
  dash?: number[];
}

/** What a chart shows; `times` are seconds since the epoch, `format` writes a value with its unit. */
export interface IFigure {
  title: string;
  times: readonly number[];
  /** How long a stretch of time is, in seconds. */
  seconds: number;
  series: readonly ISeries[];
  format: (value: number) => string;
  /** Bars stand for counts; those of a line below zero hang. */
  kind?: 'lines' | 'bars';
  /** What the figure says where it has nothing to show. */
  empty: string;
}

/** Whether there is nothing to show: no value in any line. */
export function isEmpty({ series }: IFigure): boolean {
  return series.every(({ values }) => values.every(value => value === null));
}

/** Where values stand alone between gaps: no line would show them. */
export function isolated(values: ReadonlyArray<number | null | undefined>): number[] {
  const isGap = (index: number): boolean => (values[index] ?? null) === null;
  return [...values.keys()].filter(index => !isGap(index) && isGap(index - 1) && isGap(index + 1));
}

/** The newest place where a line has a value, or null. */
export function newest(values: ReadonlyArray<number | null>): number | null {
  let index = values.length - 1;
  while (index >= 0 && values[index] === null) {
    index -= 1;
  }
  return index < 0 ? null : index;
}

/** What a line comes to: the newest value, or all of a count together. */
export function outcome({ kind }: IFigure, { values }: ISeries): number | null {
  return kind === 'bars'
    ? values.reduce<number>((sum, value) => sum + (value ?? 0), 0)
    : (values[newest(values) ?? -1] ?? null);
}

/** Say a figure in words, for those who do not see it. */
export function describe(figure: IFigure, trans: TranslationBundle): string {
  if (isEmpty(figure)) {
    return trans.__('%1: %2', figure.title, figure.empty);
  }
  const lines = figure.series.map(line => {
    const { name, values } = line;
    const known = values.filter(value => value !== null);
    const last = outcome(figure, line);
    if (last === null) {
      return trans.__('%1: nothing', name);
    }
    if (figure.kind === 'bars') {
      return trans.__('%1: %2', name, figure.format(last));
    }
    const [low, high] = [Math.min(...known), Math.max(...known)].map(figure.format);
    return trans.__('%1: now %2, from %3 to %4', name, figure.format(last), low, high);
  });
  return `${figure.title}. ${lines.join('; ')}.`;
}

/** Write a stretch's beginning as short as its length allows. */
export function timeOf(seconds: number, isLong: boolean): string {
  const time = new Date(seconds * 1000);
  const options: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit' };
  return isLong
    ? time.toLocaleString(undefined, { ...options, weekday: 'short', day: 'numeric' })
    : time.toLocaleTimeString(undefined, { ...options, second: '2-digit' });
}
