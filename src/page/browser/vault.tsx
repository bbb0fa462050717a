import { useState } from 'preact/hooks';
import { call } from './api.js';
import type { GetRetentionResponse, VaultSettings, VaultWork } from './generated/responses.js';
import { bytes, count, dateTime, duration, plural, ratio } from './format.js';
import { useAsked, useEvery } from './hooks.js';
import { Facts, Loaded, Section, Table } from './ui.js';

/** Time between two looks at the work under way. */
const lookMs = 5000;
const words: Readonly<Record<string, string>> = {
  compaction: 'Compaction',
  gc: 'Garbage collection',
  backup: 'Backup',
  verify: 'Verification',
  erasure: 'Erasure',
};

/** Upkeep of a vault: settings, retention, space, registries, and the server that has it. */
export function VaultView({ vault }: { readonly vault: string }) {
  const described = useAsked(`vault ${vault}`, (signal) =>
    call('AdminService', 'GetVault', { vault }, signal),
  );
  const retention = useAsked(`retention ${vault}`, (signal) =>
    call('AdminService', 'GetRetention', { vault }, signal),
  );
  const work = useAsked(`work ${vault}`, async (signal) => {
    const { vault: found } = await call('AdminService', 'GetVault', { vault }, signal);
    return found?.work ?? [];
  });
  useEvery(lookMs, work.again);
  const registries = useAsked(`registries ${vault}`, (signal) =>
    call('MaintenanceService', 'ListRegistries', { vault }, signal),
  );
  const stats = useAsked(`stats ${vault}`, (signal) =>
    call('MaintenanceService', 'GetStats', { vault }, signal),
  );
  const server = useAsked(`server ${vault}`, (signal) =>
    call('MaintenanceService', 'GetCapabilities', { vault }, signal),
  );
  return (
    <>
      <Section title="Retention">
        <Loaded asked={described}>
          {({ vault: found }) => <Rules settings={found?.settings ?? null} />}
        </Loaded>
        <Loaded asked={retention}>{(state) => <Sweeps state={state} />}</Loaded>
      </Section>
      <Section title="Work">
        <Loaded asked={retention}>{(state) => <Running state={state} work={work.data ?? []} />}</Loaded>
        <LastWork vault={vault} />
      </Section>
      <Section title="Space">
        <Loaded asked={retention}>{({ space }) => (space ? <Space of={space} /> : null)}</Loaded>
        <Loaded asked={stats}>
          {(data) => (
            <Facts
              of={[
                ['Files', bytes(data.file_bytes)],
                ['Garbage', `${plural(data.garbage_segments, 'segment')}, ${bytes(data.garbage_bytes)}`],
                ['Distinct segments', count(data.segments)],
                ['Messages', count(data.messages)],
              ]}
            />
          )}
        </Loaded>
      </Section>
      <Section title="Registries">
        <p class="soft">
          A registry has the substrings that the vault keeps repeating. Compaction makes a new one.
        </p>
        <Loaded asked={registries}>
          {({ registries: list }) =>
            list.length === 0 ? (
              <p>None yet: frames stand on the one that comes with the program.</p>
            ) : (
              <Table
                label="Registries"
                head={['Registry', 'Made', '#Size', '#Segments', '#Their frames', '#Times smaller']}
              >
                {list.map((each) => (
                  <tr key={each.id}>
                    <th scope="row">{each.id}</th>
                    <td>{dateTime(each.create_time)}</td>
                    <td class="number">{bytes(each.bytes)}</td>
                    <td class="number">{count(each.segments)}</td>
                    <td class="number">{bytes(each.segment_bytes)}</td>
                    <td class="number">{ratio(1 / each.ratio)}</td>
                  </tr>
                ))}
              </Table>
            )
          }
        </Loaded>
      </Section>
      <Section title="Server">
        <Loaded asked={server}>
          {(found) => (
            <Facts
              of={[
                ['Version', found.version],
                ['Storage', found.storage],
                ['Changes', found.read_only ? 'refused: it only reads' : 'taken'],
                ['Tokenizers', found.tokenizers.join(', ')],
              ]}
            />
          )}
        </Loaded>
      </Section>
    </>
  );
}

function Rules({ settings }: { readonly settings: VaultSettings | null }) {
  const lifetimes = settings?.lifetimes?.lifetimes ?? [];
  const kept = settings?.keep?.labels ?? [];
  const limit = (value: string | undefined, words: (value: string) => string): string =>
    value === undefined || value === '0' ? 'no limit' : words(value);
  return (
    <Facts
      of={[
        ['Lifetime', settings?.lifetime ? lasting(settings.lifetime) : 'for ever'],
        ...lifetimes.map(
          ({ label, value, lifetime }) =>
            [label === '' ? `Application ${value}` : `${label}=${value}`, lasting(lifetime)] as const,
        ),
        ['Always kept', kept.map(({ label, value }) => `${label}=${value}`).join(', ')],
        ['Conversations at most', limit(settings?.conversations_max, count)],
        ['Content at most', limit(settings?.content_bytes_max, bytes)],
        ['Quota', limit(settings?.quota_bytes, bytes)],
        ['Labels', settings?.labels?.keys.join(', ')],
        ['Usage is kept', settings?.keep_usage ? lasting(settings.keep_usage) : 'for ever'],
      ]}
    />
  );
}

function lasting(lifetime: string | null): string {
  return lifetime === null || Number.parseFloat(lifetime) === 0 ? 'for ever' : duration(lifetime);
}

function Sweeps({ state }: { readonly state: GetRetentionResponse }) {
  const { expired_conversations: expired, is_lower_bound, is_above_limit } = state;
  return (
    <Facts
      of={[
        ['Expired, still stored', `${is_lower_bound ? 'at least ' : ''}${count(expired)}`],
        ['Above a limit', is_above_limit ? 'yes' : 'no'],
        [
          'Sweeps',
          state.sweep_interval === null
            ? 'off'
            : `every ${duration(state.sweep_interval).replace(/^1 (?=\w+$)/, '')}`,
        ],
      ]}
    />
  );
}

function Running({
  state,
  work,
}: {
  readonly state: GetRetentionResponse;
  readonly work: readonly VaultWork[];
}) {
  const { is_sweeping, last_sweep_time, swept_conversations, space } = state;
  return (
    <Facts
      of={[
        ['Under way', work.length === 0 ? 'nothing' : ''],
        ...work.map(
          ({ task, start_time }) => [words[task] ?? task, `since ${dateTime(start_time)}`] as const,
        ),
        ['Sweep', is_sweeping ? 'under way' : 'none runs'],
        ['Last sweep', last_sweep_time === null ? 'none since the start' : dateTime(last_sweep_time)],
        ['Swept since the start', count(swept_conversations)],
        [
          'Giving space back',
          space === null ? '' : space.is_giving_back ? 'under way' : 'nothing to give back',
        ],
      ]}
    />
  );
}

/** Reasons for which there is no list of past work. */
const notListed: readonly string[] = ['PERMISSION_DENIED', 'AUDIT_LOG_OFF'];

/** Deletions and maintenance of late, on request: whoever looks at the audit log is in it too. */
function LastWork({ vault }: { readonly vault: string }) {
  const [isAsked, setAsked] = useState(false);
  if (isAsked) return <LastEvents vault={vault} />;
  return (
    <button type="button" class="link small" onClick={() => setAsked(true)}>
      Latest deletions and maintenance
    </button>
  );
}

/** Events of the audit log, for those who may see it. */
function LastEvents({ vault }: { readonly vault: string }) {
  const asked = useAsked(`audit ${vault}`, (signal) =>
    call('AdminService', 'ListAuditEvents', { vault, page_size: 100 }, signal),
  );
  if (asked.error && notListed.includes(asked.error.reason))
    return (
      <p class="soft">
        {asked.error.reason === 'AUDIT_LOG_OFF'
          ? 'This server keeps no audit log.'
          : 'You may not see the audit log.'}
      </p>
    );
  return (
    <Loaded asked={asked}>
      {({ events: all }) => {
        // Asking for the log is in it too.
        const events = all.filter(({ method }) => method !== 'AdminService.ListAuditEvents').slice(0, 10);
        return events.length === 0 ? (
          <p class="soft">None lately.</p>
        ) : (
          <Table label="Latest deletions and maintenance" head={['When', 'Who', 'Call', 'Result']}>
            {events.map(({ number, time, identity, method, result }) => (
              <tr key={number}>
                <th scope="row">{dateTime(time)}</th>
                <td>{identity || 'unknown'}</td>
                <td>{method}</td>
                <td>{result}</td>
              </tr>
            ))}
          </Table>
        );
      }}
    </Loaded>
  );
}

function Space({ of: space }: { readonly of: NonNullable<GetRetentionResponse['space']> }) {
  return (
    <Facts
      of={[
        ['On the disk', bytes(space.allocated_bytes)],
        ['In use', bytes(space.in_use_bytes)],
        ['Given back since the start', bytes(space.given_back_bytes)],
        ['Not given back', space.unsupported],
      ]}
    />
  );
}
