import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { describe, isEmpty, outcome, type IFigure, type ISeries } from './figure';
import { momentOf, Plot } from './plot';

interface IChartProps {
  figure: IFigure;
  group: string;
  trans: TranslationBundle;
}

/** A figure with its legend, which can be read as a table, too. */
export function Chart({ figure, group, trans }: IChartProps): React.JSX.Element {
  const [isTable, setTable] = React.useState(false);
  const [point, setPoint] = React.useState<number | null>(null);
  const nothing = isEmpty(figure);
  const body = isTable ? (
    <ChartTable figure={figure} trans={trans} />
  ) : (
    <Plot figure={figure} group={group} label={describe(figure, trans)} onPoint={setPoint} />
  );
  return (
    <figure className="jp-Edge-chart">
      <figcaption className="jp-Edge-chartHead">
        <span className="jp-Edge-chartTitle">{figure.title}</span>
        <span className="jp-Edge-chartTime" aria-hidden="true">
          {point !== null && !nothing && momentOf(figure, point)}
        </span>
        {!nothing && (
          <button
            type="button"
            className="jp-Edge-link"
            aria-pressed={isTable}
            aria-label={trans.__('%1 as a table', figure.title)}
            onClick={() => setTable(!isTable)}
          >
            {trans.__('Table')}
          </button>
        )}
      </figcaption>
      {nothing ? <p className="jp-Edge-chartEmpty">{figure.empty}</p> : body}
      {!nothing && <Legend figure={figure} point={point} />}
    </figure>
  );
}

/** Which line is which, and its value where the pointer is, else the newest. */
function Legend({ figure, point }: { figure: IFigure; point: number | null }): React.JSX.Element {
  return (
    <ul className="jp-Edge-legend" aria-hidden="true">
      {figure.series.map(line => {
        const value = point === null ? outcome(figure, line) : (line.values[point] ?? null);
        return (
          <li key={line.name}>
            <Swatch line={line} />
            {line.name}
            <b>{value === null ? '–' : figure.format(value)}</b>
          </li>
        );
      })}
    </ul>
  );
}

function Swatch({ line }: { line: ISeries }): React.JSX.Element {
  return (
    <svg width="18" height="8" viewBox="0 0 18 8">
      <line
        x1="0"
        y1="4"
        x2="18"
        y2="4"
        stroke={`var(${line.color})`}
        strokeWidth="2.5"
        strokeDasharray={line.dash?.join(' ')}
      />
    </svg>
  );
}

/** The values of a figure, newest first. */
function ChartTable({ figure, trans }: Omit<IChartProps, 'group'>): React.JSX.Element {
  const { times, series, format, title } = figure;
  const order = [...times.keys()].reverse();
  return (
    // A part that scrolls has to be reached by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="jp-Edge-chartTable" tabIndex={0} role="region" aria-label={title}>
      <table>
        <thead>
          <tr>
            <th scope="col">{trans.__('From')}</th>
            {series.map(({ name }) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {order.map(index => (
            <tr key={times[index]}>
              <th scope="row">{momentOf(figure, index)}</th>
              {series.map(({ name, values }) => {
                const value = values[index] ?? null;
                return <td key={name}>{value === null ? '–' : format(value)}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
