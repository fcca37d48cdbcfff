import * as React from 'react';

import { Chart } from '../charts/chart';
import type { IFigure } from '../charts/figure';
import { metricsOf, type ITimings } from '../model/timings';
import type { IPageContext } from './context';

const rate = (value: number): string =>
  value.toLocaleString(undefined, { maximumSignificantDigits: 3, notation: 'compact' });
const percent = (value: number): string =>
  `${value.toLocaleString(undefined, { maximumSignificantDigits: 3 })} %`;
const milliseconds = (value: number): string =>
  value > 0 && value < 1
    ? `${(value * 1000).toLocaleString(undefined, { maximumSignificantDigits: 3 })} µs`
    : `${value.toLocaleString(undefined, { maximumSignificantDigits: 3 })} ms`;

/** What a pipeline was asked, how long it took and how often it failed, over time. */
export function figuresOf({ trans }: Pick<IPageContext, 'trans'>, timings: ITimings, now: number): IFigure[] {
  const { times, requests, rows, p50, p95, p99, errors, failures } = metricsOf(timings, now);
  const frame = { times, seconds: timings.bucket_seconds };
  const quiet = trans.__('Nothing was asked in this time.');
  return [
    {
      ...frame,
      title: trans.__('Requests per second'),
      format: rate,
      series: [{ name: trans.__('requests'), values: requests, color: '--jp-brand-color1' }],
      empty: trans.__('Edges answered; they count rows, not requests.')
    },
    {
      ...frame,
      title: trans.__('Rows per second'),
      format: rate,
      series: [{ name: trans.__('rows'), values: rows, color: '--jp-brand-color1' }],
      empty: quiet
    },
    {
      ...frame,
      title: trans.__('Latency'),
      format: milliseconds,
      series: [
        { name: 'p50', values: p50, color: '--jp-brand-color1' },
        { name: 'p95', values: p95, color: '--jp-warn-color1', dash: [6, 3] },
        { name: 'p99', values: p99, color: '--jp-error-color1', dash: [2, 3] }
      ],
      empty: quiet
    },
    {
      ...frame,
      title: trans.__('Error rate'),
      format: percent,
      series: [
        { name: trans.__('failed requests'), values: errors, color: '--jp-error-color1' },
        {
          name: trans.__('rows with a failed check'),
          values: failures,
          color: '--jp-warn-color1',
          dash: [6, 3]
        }
      ],
      empty: quiet
    }
  ];
}

interface IMetricsProps {
  context: IPageContext;
  timings: ITimings;
  group: string;
}

/** The charts of a pipeline. */
export function Metrics({ context, timings, group }: IMetricsProps): React.JSX.Element {
  const figures = React.useMemo(() => figuresOf(context, timings, Date.now()), [context, timings]);
  if (timings.buckets.every(({ rows, requests }) => rows === 0 && !requests)) {
    return (
      <p className="jp-Edge-chartEmpty">
        {context.trans.__('Nothing was asked in this time. Look further back, or infer something.')}
      </p>
    );
  }
  return (
    <div className="jp-Edge-charts">
      {figures.map(figure => (
        <Chart key={figure.title} figure={figure} group={group} trans={context.trans} />
      ))}
    </div>
  );
}
