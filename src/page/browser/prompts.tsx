import { useState } from 'preact/hooks';
import { call, storedToken } from './api.js';
import type { SharedSegment } from './generated/responses.js';
import { brief, count, date, dates } from './format.js';
import { useAsked, usePages } from './hooks.js';
import { goTo, hrefOf } from './route.js';
import { Choice, Failure, Loaded, More, Role } from './ui.js';

const orders = [
  ['saved', 'tokens saved'],
  ['references', 'references'],
] as const;

type Order = (typeof orders)[number][0];

/** Time for which an answer is used again: a storage that keeps no account looks at every conversation. */
const freshMs = 60_000;
const answers = new Map<string, { readonly segments: readonly SharedSegment[]; readonly atMs: number }>();

/** Returns the most shared messages. */
export async function sharedSegments(
  vault: string,
  order: Order,
  signal: AbortSignal,
): Promise<readonly SharedSegment[]> {
  const key = `${order} ${vault} ${storedToken() ?? ''}`;
  const known = answers.get(key);
  if (known && performance.now() - known.atMs < freshMs) return known.segments;
  const { segments } = await call(
    'AnalyticsService',
    'ListSharedSegments',
    {
      vault,
      page_size: 100,
      order: order === 'saved' ? 'SHARED_SEGMENT_ORDER_TOKENS_SAVED' : 'SHARED_SEGMENT_ORDER_REFERENCES',
    },
    signal,
  );
  answers.set(key, { segments, atMs: performance.now() });
  return segments;
}

/** The messages that conversations share: system prompts and tools above all. */
export function Prompts({ vault, params }: { readonly vault: string; readonly params: URLSearchParams }) {
  const order = params.get('order') === 'references' ? 'references' : 'saved';
  const asked = useAsked(`${vault} ${order}`, (signal) => sharedSegments(vault, order, signal));
  const [showsAll, setShowsAll] = useState(false);
  return (
    <>
      <div class="choices">
        <p class="soft">Messages that several conversations have, each stored once.</p>
        <Choice
          label="Most"
          value={order}
          values={orders}
          onChoose={(value) => goTo('prompts', { vault, order: value })}
        />
      </div>
      <Loaded asked={asked}>
        {(segments) =>
          segments.length === 0 ? (
            <p class="empty">No two conversations share a message yet.</p>
          ) : (
            <>
              <ol class="cards">
                {segments.slice(0, showsAll ? undefined : cardsShown).map((segment) => (
                  <PromptCard key={segment.hash} vault={vault} segment={segment} />
                ))}
              </ol>
              {!showsAll && segments.length > cardsShown && (
                <button type="button" class="more" onClick={() => setShowsAll(true)}>
                  All {segments.length} messages
                </button>
              )}
            </>
          )
        }
      </Loaded>
    </>
  );
}

/** Characters, and lines, of a text that are shown until somebody wants all that there is. */
const previewMax = 240;
const previewLines = 4;
/** Messages that are shown until somebody wants all. */
const cardsShown = 20;

export function PromptCard({ vault, segment }: { readonly vault: string; readonly segment: SharedSegment }) {
  const { hash, role, text, token_count, references, tokens_saved, first_use_time, last_use_time } = segment;
  const [isWhole, setWhole] = useState(false);
  const [showsUses, setShowsUses] = useState(false);
  const isLong = text.length > previewMax || text.trim().split('\n', previewLines + 1).length > previewLines;
  return (
    <li class="card">
      <p class="card-head">
        {role && <Role of={role} />}
        <strong>{brief(tokens_saved)} tokens saved</strong>
        <span class="soft">
          {count(token_count)} tokens × {count(references)} references
        </span>
      </p>
      {text === '' ? (
        <p class="soft">No text: its tokenizer is not known here.</p>
      ) : (
        <p class="text preview" dir="auto">
          {isWhole || !isLong ? text : previewOf(text)}
        </p>
      )}
      <p class="card-end small soft">
        {first_use_time && <span>{dates(first_use_time, last_use_time)}</span>}
        {isLong && (
          <button type="button" class="link" aria-expanded={isWhole} onClick={() => setWhole(!isWhole)}>
            {isWhole ? 'Less text' : 'More text'}
          </button>
        )}
        <button type="button" class="link" aria-expanded={showsUses} onClick={() => setShowsUses(!showsUses)}>
          {showsUses ? 'Hide conversations' : 'Conversations with it'}
        </button>
      </p>
      {showsUses && <Uses vault={vault} hash={hash} />}
    </li>
  );
}

/** Returns the beginning of a text, without the empty lines that would make it tall. */
function previewOf(text: string): string {
  const lines = text.trim().split(/\s*\n\s*/, previewLines);
  return `${lines.join('\n').slice(0, previewMax)}…`;
}

/** The conversations that have a segment. */
export function Uses({ vault, hash }: { readonly vault: string; readonly hash: string }) {
  const pages = usePages(`${vault} ${hash}`, async (token, signal) => {
    const request = { vault, segment_hash: hash, page_size: 20, page_token: token };
    const answer = await call('AnalyticsService', 'ListSegmentUses', request, signal);
    return { items: answer.uses, next: answer.next_page_token };
  });
  return (
    <div class="uses">
      <ul>
        {pages.data?.map(({ conversation_id: id, create_time, message_index }) => (
          <li key={id}>
            <a class="id" href={hrefOf('conversation', { vault, id, at: String(message_index) })}>
              {id}
            </a>{' '}
            <span class="soft small">
              message {message_index + 1}, {date(create_time)}
            </span>
          </li>
        ))}
      </ul>
      {pages.error && <Failure error={pages.error} />}
      <More more={pages.more} isLoading={pages.isLoading} noun="conversations" />
    </div>
  );
}
