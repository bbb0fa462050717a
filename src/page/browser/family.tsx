import { ApiError, call } from './api.js';
import type { Conversation } from './generated/responses.js';
import { date, plural } from './format.js';
import { useAsked } from './hooks.js';
import { hrefOf } from './route.js';
import { Loaded, Section } from './ui.js';

/** A conversation and its forks. */
interface Member {
  readonly conversation: Conversation;
  readonly forks: Member[];
}

/** Conversations of a family that are shown; `stowken tree` shows all. */
const membersMax = 500;
/** Conversations whose forks are looked up together. */
const parentsAtOnce = 100;

interface Family {
  readonly first: Member;
  readonly size: number;
  readonly isWhole: boolean;
}

/** The family of a conversation as a tree; nothing if it is alone. */
export function FamilyTree({
  vault,
  conversation,
}: {
  readonly vault: string;
  readonly conversation: Conversation;
}) {
  const { id, parent_id } = conversation;
  const asked = useAsked(`${vault} ${id}`, (signal) => familyOf(vault, conversation, signal));
  if (parent_id === '' && (asked.data === undefined || asked.data.size === 1) && !asked.error) return null;
  return (
    <Section title="Family">
      <Loaded asked={asked}>
        {({ first, isWhole }) => (
          <>
            <ul class="tree">
              <Branch vault={vault} of={first} current={id} />
            </ul>
            {!isWhole && <p class="soft">There are more: stowken tree shows all of them.</p>}
          </>
        )}
      </Loaded>
    </Section>
  );
}

function Branch({
  vault,
  of: member,
  current,
}: {
  readonly vault: string;
  readonly of: Member;
  readonly current: string;
}) {
  const { id, message_count, create_time } = member.conversation;
  return (
    <li>
      <a
        class="id"
        href={hrefOf('conversation', { vault, id })}
        {...(id === current && { 'aria-current': 'true' as const })}
      >
        {id}
      </a>{' '}
      <span class="soft small">
        {plural(message_count, 'message')}, {date(create_time)}
      </span>
      {member.forks.length > 0 && (
        <ul>
          {member.forks.map((fork) => (
            <Branch key={fork.conversation.id} vault={vault} of={fork} current={current} />
          ))}
        </ul>
      )}
    </li>
  );
}

async function familyOf(vault: string, own: Conversation, signal: AbortSignal): Promise<Family> {
  const first: Member = { conversation: await firstOf(vault, own, signal), forks: [] };
  const members = new Map([[first.conversation.id, first]]);
  for (let parents = [first.conversation.id]; parents.length > 0;) {
    const next: string[] = [];
    for (let at = 0; at < parents.length; at += parentsAtOnce) {
      const values = parents.slice(at, at + parentsAtOnce);
      for await (const fork of forksOf(vault, values, signal)) {
        if (members.has(fork.id)) continue;
        if (members.size >= membersMax) return { first, size: members.size, isWhole: false };
        const member = { conversation: fork, forks: [] };
        members.set(fork.id, member);
        members.get(fork.parent_id)?.forks.push(member);
        next.push(fork.id);
      }
    }
    parents = next;
  }
  return { first, size: members.size, isWhole: true };
}

/** Yields the forks of some conversations, oldest first. */
async function* forksOf(vault: string, values: readonly string[], signal: AbortSignal) {
  const filter = { conditions: [{ field: 'CONDITION_FIELD_PARENT_ID' as const, values }] };
  for (let token = ''; ;) {
    const request = {
      vault,
      filter,
      order: 'LIST_ORDER_OLDEST_FIRST' as const,
      page_size: 200,
      page_token: token,
    };
    const answer = await call('ConversationService', 'ListConversations', request, signal);
    yield* answer.conversations;
    token = answer.next_page_token;
    if (token === '') return;
  }
}

/** Follows parents up to one that was not forked, or whose parent is gone. */
async function firstOf(vault: string, own: Conversation, signal: AbortSignal): Promise<Conversation> {
  let first = own;
  const passed = new Set([own.id]);
  while (first.parent_id !== '' && !passed.has(first.parent_id)) {
    const parent = await parentOf(vault, first.parent_id, signal);
    if (parent === null) break;
    first = parent;
    passed.add(first.id);
  }
  return first;
}

async function parentOf(vault: string, id: string, signal: AbortSignal): Promise<Conversation | null> {
  try {
    return (await call('ConversationService', 'GetConversation', { vault, id }, signal)).conversation;
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'CONVERSATION_NOT_FOUND') return null;
    throw error;
  }
}
