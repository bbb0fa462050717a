import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { brief } from './format.js';
import { usePrefersDark } from './hooks.js';

export interface Series {
  readonly name: string;
  /** A value for each day. */
  readonly values: readonly number[];
  /** Number of its colour, from 0. */
  readonly slot: number;
}

interface Props {
  /** "2026-01-31" */
  readonly days: readonly string[];
  readonly series: readonly Series[];
  /** Called with the index of the day under the pointer, or with undefined. */
  readonly onHover: (day: number | undefined) => void;
  /** Description for those who do not see it. */
  readonly label: string;
}

const height = 220;

/** Bars of days, the series on top of each other. */
export function Chart({ days, series, onHover, label }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const isDark = usePrefersDark();
  useEffect(() => {
    const element = place.current!;
    const plot = new uPlot(optionsOf(element, days, series, onHover), dataOf(days, series), element);
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [days, series, isDark]);
  return <div class="chart" ref={place} role="img" aria-label={label} />;
}

const halfDay = 43_200;

/** Returns the beginning of a day, in seconds. */
function timeOf(day = ''): number {
  return Date.parse(`${day}T00:00:00Z`) / 1000;
}

/** Returns the columns of the chart: days, then each series with those below it added. */
function dataOf(days: readonly string[], series: readonly Series[]): uPlot.AlignedData {
  const times = days.map(timeOf);
  let below = days.map(() => 0);
  const stacked = series.map(({ values }) => (below = values.map((value, day) => value + below[day]!)));
  // The highest is drawn first, so that the others are in front of it.
  return [times, ...stacked.toReversed()] as uPlot.AlignedData;
}

function optionsOf(
  element: HTMLElement,
  days: readonly string[],
  series: readonly Series[],
  onHover: Props['onHover'],
): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const axis = {
    stroke: colour('soft'),
    font: `12px ${style.fontFamily}`,
    grid: { stroke: colour('line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: element.clientWidth,
    height,
    // Days have no time zone here: they are those of the answer.
    tzDate: (time) => uPlot.tzDate(new Date(time * 1000), 'Etc/UTC'),
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: { range: () => [timeOf(days[0]) - halfDay, timeOf(days.at(-1)) + halfDay] },
      y: { range: (_, __, max) => [0, max || 1] },
    },
    axes: [
      { ...axis, grid: { show: false }, incrs: dayIncrements, values: (_, times) => times.map(dayOf) },
      { ...axis, size: 56, values: (_, values) => values.map((value) => brief(value)) },
    ],
    series: [
      {},
      ...series.toReversed().map(({ name, slot }) => ({
        label: name,
        fill: colour(`series-${slot}`),
        width: 0,
        points: { show: false },
        paths: uPlot.paths.bars!({ size: [0.72, 40], radius: 0 }),
      })),
    ],
    hooks: {
      setCursor: [({ cursor: { idx } }) => onHover(idx ?? undefined)],
    },
  };

  function dayOf(time: number): string {
    const day = new Date(time * 1000);
    return day.toLocaleDateString('en', {
      timeZone: 'UTC',
      month: 'short',
      ...(days.length > 400 ? { year: 'numeric' } : { day: 'numeric' }),
    });
  }
}

/** Distances of the marks on the axis of days, in seconds: whole days. */
const dayIncrements = [1, 2, 7, 14, 28, 56, 91, 182, 364].map((days) => days * 86_400);
