import * as React from 'react';
import uPlot from 'uplot';

import { isolated, timeOf, type IFigure } from './figure';
import { Look, themed } from './look';

const HEIGHT = 150;
const DAY = 86_400;

interface IPlotProps {
  figure: IFigure;
  /** Plots of one group show the same moment at once. */
  group: string;
  label: string;
  onPoint: (index: number | null) => void;
}

/** The picture of a figure, as wide as its place, in the theme's colours. */
export function Plot({ figure, group, label, onPoint }: IPlotProps): React.JSX.Element {
  const look = React.useContext(Look);
  const holder = React.useRef<HTMLDivElement>(null);
  const plot = React.useRef<uPlot | null>(null);
  const latest = React.useRef({ figure, onPoint });
  latest.current = { figure, onPoint };

  React.useEffect(() => {
    const place = holder.current;
    if (place === null) {
      return undefined;
    }
    const options = optionsOf(latest.current.figure, group, index => latest.current.onPoint(index));
    const made = new uPlot({ ...options, width: place.clientWidth }, dataOf(latest.current.figure), place);
    plot.current = made;
    const observer = new ResizeObserver(() => {
      if (place.clientWidth > 0) {
        made.setSize({ width: place.clientWidth, height: HEIGHT });
      }
    });
    observer.observe(place);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [look, group, figure.seconds, figure.kind]);
  React.useEffect(() => plot.current?.setData(dataOf(figure)), [figure]);

  return <div className="jp-Edge-plot" ref={holder} role="img" aria-label={label} />;
}

function dataOf({ times, series }: IFigure): uPlot.AlignedData {
  return [[...times], ...series.map(({ values }) => [...values])];
}

function optionsOf(
  figure: IFigure,
  group: string,
  onPoint: (index: number | null) => void
): Omit<uPlot.Options, 'width'> {
  const width = figure.kind === 'bars' ? figure.seconds : 0; // a bar stands on the stretch that it begins
  return {
    height: HEIGHT,
    legend: { show: false },
    padding: [8, 24, 0, 0],
    cursor: { sync: { key: group }, drag: { x: false, y: false }, y: false, points: { size: 7 } },
    scales: {
      x: { time: true, range: (_, first, last) => [first, last + width] },
      y: { range: (_, low, high) => [Math.min(0, low * 1.08), high > 0 ? high * 1.08 : 1] }
    },
    axes: axesOf(figure),
    series: [{}, ...figure.series.map(line => seriesOf(line, figure))],
    hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? null)] }
  };
}

function seriesOf({ name, color, dash }: IFigure['series'][number], { kind }: IFigure): uPlot.Series {
  const stroke = themed(color);
  if (kind === 'bars') {
    const paths = uPlot.paths.bars?.({ size: [0.8, 24, 2], align: 1 });
    return { label: name, stroke, fill: stroke, width: 0, paths, points: { show: false } };
  }
  const filter: uPlot.Series.Points['filter'] = (self, index) => isolated(Array.from(self.data[index] ?? []));
  return { label: name, stroke, width: 1.75, dash, points: { show: true, size: 5, fill: stroke, filter } };
}

/** Distances of marks on an axis of counts. */
const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

function axesOf({ format, times, seconds, kind }: IFigure): uPlot.Axis[] {
  const stroke = themed('--jp-ui-font-color2');
  const line = { stroke: themed('--jp-border-color2'), width: 1 };
  const font = `11px ${themed('--jp-ui-font-family')}`;
  const span = seconds * times.length;
  const write = (time: number): string =>
    span > 2 * DAY
      ? new Date(time * 1000).toLocaleDateString(undefined, { weekday: 'short', day: 'numeric' })
      : new Date(time * 1000).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' });
  return [
    {
      stroke,
      font,
      grid: { show: false },
      ticks: { ...line, size: 4 },
      size: 26,
      gap: 3,
      space: 70,
      values: (_, splits) => splits.map(write)
    },
    {
      stroke,
      font,
      grid: line,
      ticks: { show: false },
      size: 58,
      gap: 4,
      space: kind === 'bars' ? 20 : 32, // with more, marks on both sides of zero would be none but zero
      incrs: kind === 'bars' ? WHOLE : undefined,
      values: (_, splits) => splits.map(format)
    }
  ];
}

/** Write the moment of a point of a figure. */
export function momentOf({ times, seconds }: IFigure, index: number): string {
  return timeOf(times[index] ?? 0, seconds * times.length > 2 * DAY);
}
