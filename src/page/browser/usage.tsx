import { useMemo, useState } from 'preact/hooks';
import { call } from './api.js';
import { Chart, type Series } from './chart.js';
import type { UsageRow } from './generated/responses.js';
import { brief, count, share } from './format.js';
import { useAsked } from './hooks.js';
import { goTo } from './route.js';
import { Choice, Loaded, Section, Table } from './ui.js';

const ranges = [
  ['7', '7 days'],
  ['30', '30 days'],
  ['90', '90 days'],
  ['365', 'a year'],
  ['all', 'all time'],
] as const;
const fields = [
  ['model', 'model'],
  ['application', 'application'],
  ['tokenizer', 'tokenizer'],
] as const;
const measures = [
  ['tokens', 'tokens'],
  ['new_tokens', 'new tokens'],
  ['repeated_tokens', 'repeated tokens'],
  ['prefix_tokens', 'tokens of shared prefixes'],
  ['conversations', 'conversations'],
  ['messages', 'messages'],
] as const;
type Measure = (typeof measures)[number][0];

/** Groups that have a colour of their own; the others are summed. */
const seriesMax = 5;
/** Rows of the table until somebody wants all. */
const rowsShown = 8;
/** Days of a chart; of a longer range, the last ones are shown. */
const daysMax = 730;

/** Usage by day and a field: a chart, and the sums. */
export function Usage({ vault, params }: { readonly vault: string; readonly params: URLSearchParams }) {
  const range = params.get('range') ?? '30';
  const by = params.get('by') ?? 'model';
  const [measure, setMeasure] = useState<Measure>('tokens');
  const labels = useAsked(`labels ${vault}`, async (signal) => {
    const answer = await call('AdminService', 'GetVault', { vault }, signal);
    return answer.vault?.settings?.labels?.keys ?? [];
  });
  const isField = fields.some(([field]) => field === by);
  const usage = useAsked(`${vault} ${range} ${by}`, (signal) =>
    call(
      'AnalyticsService',
      'GetUsage',
      {
        vault,
        group_by: isField ? ['day', by] : ['day'],
        labels: isField ? [] : [by],
        time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
        ...(range !== 'all' && { start_time: startOf(Number(range)) }),
      },
      signal,
    ),
  );
  const choose = (changed: Readonly<Record<string, string>>): void =>
    goTo('overview', { vault, range, by, ...changed });
  const groups = [...fields, ...(labels.data ?? []).map((key) => [key, `label ${key}`] as const)];
  return (
    <Section
      title="Usage"
      aside={
        <div class="choices">
          <Choice label="Show" value={measure} values={measures} onChoose={setMeasure} />
          <Choice label="by" value={by} values={groups} onChoose={(value) => choose({ by: value })} />
          <Choice
            label="of"
            value={range}
            values={ranges.map(([value, words]) => [value as string, words])}
            onChoose={(value) => choose({ range: value })}
          />
        </div>
      }
    >
      <div class={usage.data || usage.error ? '' : 'room-of-usage'}>
        <Loaded asked={usage}>
          {({ rows }) =>
            rows.length === 0 ? (
              <p class="soft">Nothing was stored in this time.</p>
            ) : (
              <UsageOf rows={rows} range={range} by={by} isField={isField} measure={measure} />
            )
          }
        </Loaded>
      </div>
    </Section>
  );
}

/** Returns the beginning of the day so many days ago, today included. */
function startOf(days: number): string {
  const start = new Date();
  start.setHours(0, 0, 0, 0);
  start.setDate(start.getDate() - days + 1);
  return start.toISOString();
}

interface Group {
  readonly name: string;
  readonly sums: Record<Measure, number>;
  readonly byDay: Map<string, number>;
}

function UsageOf({
  rows,
  range,
  by,
  isField,
  measure,
}: {
  readonly rows: readonly UsageRow[];
  readonly range: string;
  readonly by: string;
  readonly isField: boolean;
  readonly measure: Measure;
}) {
  const [hovered, setHovered] = useState<number>();
  const [showsAll, setShowsAll] = useState(false);
  const groups = useMemo(
    () => groupsOf(rows, (row) => (isField ? row[by as 'model'] : (row.labels[by] ?? '')), measure),
    [rows, by, isField, measure],
  );
  const days = useMemo(() => daysOf(rows, range), [rows, range]);
  const series = useMemo(() => seriesOf(groups, days), [groups, days]);
  const words = measures.find(([name]) => name === measure)![1];
  const total = groups.reduce((sum, { sums }) => sum + sums[measure], 0);
  return (
    <>
      <Chart
        days={days}
        series={series}
        onHover={setHovered}
        label={`Chart of ${words} by day: ${brief(total)} in ${days.length} days. The table below has the numbers.`}
      />
      <ul class="legend" aria-label={hovered === undefined ? 'Sums' : days[hovered]}>
        {series.map(({ name, values, slot }) => (
          <li key={name}>
            <span class={`swatch series-${slot}`} />
            <span>{name}</span>
            <strong>
              {brief(hovered === undefined ? values.reduce((a, b) => a + b, 0) : (values[hovered] ?? 0))}
            </strong>
          </li>
        ))}
        <li class="legend-day soft">{hovered === undefined ? 'in all' : days[hovered]}</li>
      </ul>
      <Table
        label={`Usage by ${by}`}
        head={[
          isField ? capital(by) : by,
          '#Conversations',
          '#Messages',
          '#Tokens',
          '#New',
          '#Repeated',
          '#Shared prefixes',
        ]}
      >
        {groups.slice(0, showsAll ? undefined : rowsShown).map(({ name, sums }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td class="number">{count(sums.conversations)}</td>
            <td class="number">{count(sums.messages)}</td>
            <td class="number">{count(sums.tokens)}</td>
            <td class="number">{share(sums.new_tokens, sums.tokens)}</td>
            <td class="number">{share(sums.repeated_tokens, sums.tokens)}</td>
            <td class="number">{share(sums.prefix_tokens, sums.tokens)}</td>
          </tr>
        ))}
      </Table>
      {!showsAll && groups.length > rowsShown && (
        <button type="button" class="more" onClick={() => setShowsAll(true)}>
          All {groups.length} rows
        </button>
      )}
    </>
  );
}

const dayMs = 86_400_000;

/** Returns the date here and now, as the rows have it. */
function today(): string {
  return new Date().toLocaleDateString('sv');
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** Sums rows by group, the greatest first. */
function groupsOf(
  rows: readonly UsageRow[],
  nameOf: (row: UsageRow) => string,
  measure: Measure,
): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const row of rows) {
    const name = nameOf(row) || '(none)';
    let group = groups.get(name);
    if (group === undefined) {
      const sums = Object.fromEntries(measures.map(([each]) => [each, 0])) as Record<Measure, number>;
      groups.set(name, (group = { name, sums, byDay: new Map() }));
    }
    for (const [each] of measures) group.sums[each] += Number(row[each]);
    group.byDay.set(row.day, (group.byDay.get(row.day) ?? 0) + Number(row[measure]));
  }
  return [...groups.values()].sort((a, b) => b.sums[measure] - a.sums[measure]);
}

/** Returns all days of a range, those without usage too; all time begins with the first usage. */
function daysOf(rows: readonly UsageRow[], range: string): readonly string[] {
  const known = [...rows.map(({ day }) => day), today()].sort();
  const last = Date.parse(`${known.at(-1)}T00:00:00Z`);
  const begin = Date.parse(`${range === 'all' ? known[0] : today()}T00:00:00Z`);
  const first = range === 'all' ? begin : begin - (Number(range) - 1) * dayMs;
  const days: string[] = [];
  for (let time = Math.max(first, last - (daysMax - 1) * dayMs); time <= last; time += dayMs)
    days.push(new Date(time).toISOString().slice(0, 10));
  return days;
}

function seriesOf(groups: readonly Group[], days: readonly string[]): readonly Series[] {
  const shown = groups.slice(0, groups.length > seriesMax + 1 ? seriesMax : seriesMax + 1);
  const rest = groups.slice(shown.length);
  const valuesOf = ({ byDay }: Group): number[] => days.map((day) => byDay.get(day) ?? 0);
  const series = shown.map((group, slot) => ({ name: group.name, values: valuesOf(group), slot }));
  if (rest.length === 0) return series;
  const all = rest.map(valuesOf);
  const values = days.map((_, day) => all.reduce((sum, each) => sum + each[day]!, 0));
  return [...series, { name: `${rest.length} others`, values, slot: seriesMax }];
}
