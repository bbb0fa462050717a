import { call } from './api.js';
import { brief, bytes, count, plural, ratio } from './format.js';
import { useAsked } from './hooks.js';
import { hrefOf } from './route.js';
import { Savings } from './savings.js';
import { PromptCard, sharedSegments } from './prompts.js';
import { Loaded, Section, WhenSeen } from './ui.js';
import { Usage } from './usage.js';

/** Sums of a vault, where its savings come from, its usage, and its most shared messages. */
export function Overview({ vault, params }: { readonly vault: string; readonly params: URLSearchParams }) {
  const stats = useAsked(vault, (signal) => call('MaintenanceService', 'GetStats', { vault }, signal));
  const expired = useAsked(`expired ${vault}`, (signal) =>
    call('AdminService', 'GetRetention', { vault }, signal),
  ).data;
  return (
    <>
      <div class={stats.data || stats.error ? '' : 'room-of-sums'}>
        <Loaded asked={stats}>
          {(data) =>
            data.conversations === '0' ? (
              <p class="empty">This vault is empty. What is stored in it shows up here.</p>
            ) : (
              <>
                <p class="lead">
                  <strong>{brief(data.tokens)} tokens</strong> of{' '}
                  <a href={hrefOf('conversations', { vault })}>{count(data.conversations)} conversations</a>,
                  kept in <strong>{bytes(data.in_use_bytes)}</strong>
                  {smaller(Number(data.raw_bytes) / Number(data.in_use_bytes))}.
                </p>
                {expired && expired.expired_conversations !== '0' && (
                  <p class="soft">
                    {expired.is_lower_bound ? 'At least ' : ''}
                    {plural(expired.expired_conversations, 'conversation')} of these have expired: nobody can
                    read them, and the next sweep deletes them.
                  </p>
                )}
                <Savings stats={data} />
              </>
            )
          }
        </Loaded>
      </div>
      <Usage vault={vault} params={params} />
      {stats.data?.conversations !== '0' && (
        <Section
          title="Most shared"
          aside={
            <a class="small" href={hrefOf('prompts', { vault })}>
              All prompts
            </a>
          }
        >
          <WhenSeen>
            <MostShared vault={vault} />
          </WhenSeen>
        </Section>
      )}
    </>
  );
}

/** Words for a vault that is smaller than its raw tokens; one that has just begun is not. */
function smaller(times: number): string {
  return times >= 1 ? `: ${ratio(times)} times smaller than raw` : '';
}

function MostShared({ vault }: { readonly vault: string }) {
  const prompts = useAsked(vault, (signal) => sharedSegments(vault, 'saved', signal));
  return (
    <Loaded asked={prompts}>
      {(segments) =>
        segments.length === 0 ? (
          <p class="soft">No two conversations share a message yet.</p>
        ) : (
          <ol class="cards">
            {segments.slice(0, 3).map((segment) => (
              <PromptCard key={segment.hash} vault={vault} segment={segment} />
            ))}
          </ol>
        )
      }
    </Loaded>
  );
}
