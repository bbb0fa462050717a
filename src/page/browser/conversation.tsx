import { useEffect, useRef, useState } from 'preact/hooks';
import { type ApiError, call } from './api.js';
import { FamilyTree } from './family.js';
import type { Conversation as Described, MessageInfo } from './generated/responses.js';
import { count, dateTime, share } from './format.js';
import { useAsked } from './hooks.js';
import { Message } from './message.js';
import { type Content, describe, readMessages } from './read-messages.js';
import { hrefOf } from './route.js';
import { windowFrom } from './tokens.js';
import { Facts, Failure, Loaded, roleGroup, Section, Waiting } from './ui.js';

/** Tokens, and messages, that are read at once. */
const readTokens = 60_000;
const readCount = 50;

/** A conversation: what it is, its family, and its messages as text. */
export function Conversation({
  vault,
  params,
}: {
  readonly vault: string;
  readonly params: URLSearchParams;
}) {
  const id = params.get('id') ?? '';
  const asked = useAsked(`${vault} ${id}`, (signal) => describe(vault, id, signal));
  return (
    <Loaded asked={asked}>
      {({ conversation, messages }) => (
        <>
          <Head conversation={conversation} messages={messages} />
          <FamilyTree vault={vault} conversation={conversation} />
          <Messages
            vault={vault}
            conversation={conversation}
            messages={messages}
            at={Math.min(Number(params.get('at') ?? 0) || 0, Math.max(messages.length - 1, 0))}
          />
          <Similar vault={vault} id={id} />
        </>
      )}
    </Loaded>
  );
}

function Head({
  conversation,
  messages,
}: {
  readonly conversation: Described;
  readonly messages: readonly MessageInfo[];
}) {
  const { application, model, tokenizer, total_tokens, revision, metadata } = conversation;
  return (
    <>
      <Facts
        of={[
          ['Application', application],
          ['Model', model],
          ['Tokenizer', tokenizer],
          ['Began', dateTime(conversation.create_time)],
          ['Changed', revision === '1' ? '' : `${dateTime(conversation.update_time)}, revision ${revision}`],
          ['Expires', conversation.expire_time === null ? '' : dateTime(conversation.expire_time)],
          ['Messages', count(messages.length)],
          ['Tokens', count(total_tokens)],
          ...Object.entries(metadata),
        ]}
      />
      <RoleShares messages={messages} total={Number(total_tokens)} />
    </>
  );
}

const groups = ['system', 'user', 'assistant', 'tool'] as const;

/** Shares of the roles in the tokens of a conversation. */
function RoleShares({
  messages,
  total,
}: {
  readonly messages: readonly MessageInfo[];
  readonly total: number;
}) {
  const sums = new Map<string, number>(groups.map((group) => [group, 0]));
  for (const { role, token_count } of messages)
    sums.set(roleGroup(role), sums.get(roleGroup(role))! + Number(token_count));
  if (total === 0) return null;
  let left = 0;
  const parts = groups.map((group) => {
    const from = left;
    left += sums.get(group)!;
    return { group, from, tokens: sums.get(group)! };
  });
  return (
    <div class="shares">
      <svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
        {parts.map(({ group, from, tokens }) => (
          <rect
            key={group}
            class={`fill-${group}`}
            x={(100 * from) / total}
            width={(100 * tokens) / total}
            height="1"
          />
        ))}
      </svg>
      <ul class="legend">
        {parts
          .filter(({ tokens }) => tokens > 0)
          .map(({ group, tokens }) => (
            <li key={group}>
              <span class={`swatch swatch-${group}`} />
              <span>{group}</span> <strong>{share(tokens, total)}</strong>
            </li>
          ))}
      </ul>
    </div>
  );
}

/** The messages, read by and by; the toggle reads what is shown once more, with its tokens. */
function Messages({
  vault,
  conversation: { id, revision },
  messages,
  at,
}: {
  readonly vault: string;
  readonly conversation: Described;
  readonly messages: readonly MessageInfo[];
  /** Message to begin with. */
  readonly at: number;
}) {
  const [withTokens, setWithTokens] = useState(false);
  const [from, setFrom] = useState(Math.max(at - 2, 0));
  const [to, setTo] = useState(from);
  const [contents, setContents] = useState<ReadonlyMap<number, Content>>(new Map());
  const [isReading, setReading] = useState(true);
  const [error, setError] = useState<ApiError>();
  const [round, setRound] = useState(0);
  const place = useRef<HTMLDivElement>(null);
  const counts = messages.map(({ token_count }) => Number(token_count));
  const end = Math.max(to, windowEnd(counts, from));
  useEffect(() => {
    const abort = new AbortController();
    const known = new Map(contents);
    const isKnown = (index: number): boolean =>
      withTokens ? known.get(index)?.pieces !== undefined : known.has(index);
    const read = async (): Promise<void> => {
      for (let next = from; next < end;) {
        if (isKnown(next)) {
          next += 1;
          continue;
        }
        const { count } = windowFrom(counts.slice(0, end), next, readTokens, readCount);
        const some = await readMessages({ vault, id, revision, from: next, count, withTokens }, abort.signal);
        if (abort.signal.aborted) return;
        for (const [index, content] of some.entries()) known.set(next + index, content);
        setContents(new Map(known));
        next += count;
      }
      setReading(false);
    };
    setError(undefined);
    setReading(true);
    read().catch((reason: ApiError) => abort.signal.aborted || setError(reason));
    return () => abort.abort();
  }, [from, end, withTokens, round]);
  const isRead = contents.has(at);
  useEffect(() => {
    if (at > 0 && isRead) document.getElementById(`message-${at}`)?.scrollIntoView();
  }, [at, isRead]);
  const shown = messages.slice(from, end);
  return (
    <Section
      title="Messages"
      aside={
        <label class="toggle">
          <input
            type="checkbox"
            checked={withTokens}
            onChange={(event) => setWithTokens(event.currentTarget.checked)}
          />{' '}
          Show tokens
        </label>
      }
    >
      <div ref={place} class="messages">
        {from > 0 && (
          <button type="button" class="more" onClick={() => setFrom(Math.max(from - readCount, 0))}>
            Earlier messages
          </button>
        )}
        {shown.map((info, index) => (
          <Message
            key={from + index}
            vault={vault}
            index={from + index}
            info={info}
            content={contents.get(from + index)}
            showsTokens={withTokens}
          />
        ))}
        {messages.length === 0 && <p class="soft">There are no messages.</p>}
        {error && <Failure error={error} again={() => setRound(round + 1)} />}
        {end < messages.length &&
          (isReading && !error ? (
            <Waiting />
          ) : (
            <button type="button" class="more" onClick={() => setTo(windowEnd(counts, end))}>
              Later messages
            </button>
          ))}
      </div>
    </Section>
  );
}

/** Returns the message after the last one that is read with the one at `from`. */
function windowEnd(counts: readonly number[], from: number): number {
  return from + windowFrom(counts, from, readTokens, readCount).count;
}

/** Near-duplicates, on request: there is no index of them. */
function Similar({ vault, id }: { readonly vault: string; readonly id: string }) {
  const [isAsked, setAsked] = useState(false);
  return (
    <Section title="Similar conversations">
      {isAsked ? (
        <Matches vault={vault} id={id} />
      ) : (
        <button type="button" onClick={() => setAsked(true)}>
          Look for them
        </button>
      )}
    </Section>
  );
}

function Matches({ vault, id }: { readonly vault: string; readonly id: string }) {
  const asked = useAsked(`${vault} ${id}`, (signal) =>
    call('AnalyticsService', 'FindSimilar', { vault, conversation_id: id, page_size: 20 }, signal),
  );
  return (
    <Loaded asked={asked}>
      {({ matches, compared }) =>
        matches.length === 0 ? (
          <p class="soft">None of {count(compared)} is 80 % the same.</p>
        ) : (
          <ul class="list">
            {matches.map(({ conversation, similarity }) => (
              <li key={conversation?.id} class="row">
                <a class="id" href={hrefOf('conversation', { vault, id: conversation?.id })}>
                  {conversation?.id}
                </a>
                <span class="row-numbers soft">{share(similarity, 1)} the same</span>
              </li>
            ))}
          </ul>
        )
      }
    </Loaded>
  );
}
