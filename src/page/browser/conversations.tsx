import { useRef } from 'preact/hooks';
import { call } from './api.js';
import type { ConversationFilter } from './generated/requests.js';
import type { Conversation } from './generated/responses.js';
import { brief, count, date } from './format.js';
import { useAsked, usePages } from './hooks.js';
import { goTo, hrefOf } from './route.js';
import { Failure, More, Waiting } from './ui.js';

/** Fields of the form, by the names that they have in the address. */
const texts = [
  ['application', 'Application'],
  ['model', 'Model'],
  ['prefix', 'Id begins with'],
  ['label', 'Metadata, key=value'],
] as const;

/** Makes a filter of the parameters of a place. */
function filterOf(params: URLSearchParams): ConversationFilter {
  const text = (name: string): string => params.get(name) ?? '';
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(text('label')) ?? [];
  return {
    ...(text('application') && { application: text('application') }),
    ...(text('model') && { model: text('model') }),
    ...(text('prefix') && { id_prefix: text('prefix') }),
    ...(key !== undefined && { metadata: { [key]: value! } }),
    ...(text('from') && { create_time_from: startOfDay(text('from'), 0) }),
    ...(text('to') && { create_time_before: startOfDay(text('to'), 1) }),
  };
}

/** Returns the beginning of a day here, or of one so many days later. */
function startOfDay(day: string, later: number): string | undefined {
  const time = new Date(`${day}T00:00:00`);
  if (Number.isNaN(time.getTime())) return undefined;
  time.setDate(time.getDate() + later);
  return time.toISOString();
}

/** Conversations, newest first, and a form that narrows them. */
export function Conversations({
  vault,
  params,
}: {
  readonly vault: string;
  readonly params: URLSearchParams;
}) {
  const key = `${vault} ${params.toString()}`;
  const filter = filterOf(params);
  const pages = usePages(key, async (token, signal) => {
    const request = { vault, filter, page_size: 50, page_token: token };
    const answer = await call('ConversationService', 'ListConversations', request, signal);
    return { items: answer.conversations, next: answer.next_page_token };
  });
  const found = useAsked(key, async (signal) => {
    const request = { vault, filter, page_size: 1, count: true };
    const answer = await call('ConversationService', 'ListConversations', request, signal);
    return `${answer.total_is_lower_bound ? 'At least ' : ''}${count(answer.total_count)} found`;
  });
  return (
    <>
      <FilterForm vault={vault} params={params} />
      <p class="soft" role="status">
        {found.data ?? ' '}
      </p>
      {pages.data?.length === 0 && !pages.isLoading && !pages.more && !pages.error && (
        <p class="empty">No conversation is like that.</p>
      )}
      {pages.data !== undefined && pages.data.length > 0 && (
        <ul class="list">
          {pages.data.map((each) => (
            <Row key={each.id} vault={vault} conversation={each} />
          ))}
        </ul>
      )}
      {pages.error && <Failure error={pages.error} />}
      {pages.data === undefined && pages.isLoading ? (
        <Waiting />
      ) : (
        <More more={pages.more} isLoading={pages.isLoading} noun="conversations" />
      )}
    </>
  );
}

function Row({ vault, conversation }: { readonly vault: string; readonly conversation: Conversation }) {
  const { id, application, model, message_count, total_tokens, create_time, parent_id, metadata } =
    conversation;
  return (
    <li class="row">
      <a class="id" href={hrefOf('conversation', { vault, id })}>
        {id}
      </a>
      <span class="row-facts">
        {[application, model].filter(Boolean).join(' · ') || <span class="soft">no model</span>}
        {parent_id !== '' && <span class="tag">fork</span>}
        {Object.entries(metadata)
          .slice(0, 4)
          .map(([name, value]) => (
            <span key={name} class="tag">
              {name}={value.length > 40 ? `${value.slice(0, 40)}…` : value}
            </span>
          ))}
      </span>
      <span class="row-numbers soft">
        <span>{count(message_count)} messages</span>
        <span>{brief(total_tokens)} tokens</span>
        <span>{date(create_time)}</span>
      </span>
    </li>
  );
}

function FilterForm({ vault, params }: { readonly vault: string; readonly params: URLSearchParams }) {
  const form = useRef<HTMLFormElement>(null);
  const apply = (event: Event): void => {
    event.preventDefault();
    const given = Array.from(new FormData(form.current!), ([name, value]): [string, string] => [
      name,
      (value as string).trim(),
    ]);
    goTo('conversations', { vault, ...Object.fromEntries(given) });
  };
  return (
    <form key={params.toString()} ref={form} class="filters" role="search" onSubmit={apply}>
      {texts.map(([name, words]) => (
        <label key={name}>
          <span>{words}</span>
          <input name={name} defaultValue={params.get(name) ?? ''} spellcheck={false} autocomplete="off" />
        </label>
      ))}
      <label>
        <span>Begun from</span>
        <input type="date" name="from" defaultValue={params.get('from') ?? ''} />
      </label>
      <label>
        <span>to</span>
        <input type="date" name="to" defaultValue={params.get('to') ?? ''} />
      </label>
      <div class="filters-end">
        <button type="submit">Find</button>
        <a href={hrefOf('conversations', { vault })}>Clear</a>
      </div>
    </form>
  );
}
