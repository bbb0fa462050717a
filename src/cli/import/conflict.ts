import type { NewMessage, StoreRequest, StoreResult, StowkenClient } from '../../client/index.js';
import { type Conversation, present } from '../../model/index.js';
import { readForm, type ReadPart } from '../jsonl/write.js';
import {
  documentJsonOf,
  encodedText,
  hasSpecials,
  hasValues,
  isSaid,
  keptSaid,
  skeletonOf,
} from './fields.js';
import type { Draft, DraftMessage } from './shapes/index.js';
import { BadLine } from './bad-line.js';
import { changingTokenizers } from './changed-text.js';
import { type RecordDefaults, toNewMessage } from './to-store.js';

/** Ways to store a conversation whose id is stored with other content. */
export const conflictWays = ['append', 'replace', 'keep', 'fail'] as const;
export type ConflictWay = (typeof conflictWays)[number];

/** Rules by which conversations are stored that are known already. */
export interface ConflictOptions extends Pick<RecordDefaults, 'specialTokens' | 'changing'> {
  readonly onConflict: ConflictWay;
  /** True: a conversation with the same messages and more, fewer or other fields is other content. */
  readonly keepsEach?: boolean;
}

type StoredMessage = Exclude<ReadPart, { kind: 'header' }>;

/** Outcome for a conversation that is stored already: what was appended to it, or why nothing can be. */
export type Settled = StoreResult | 'unchanged' | 'other content';

/**
 * Stores a conversation whose id exists. If the stored one is its beginning, the rest is appended,
 * with the newest document; if it is the beginning of the stored one, nothing is done. The same text is
 * stored once more if its special tokens are asked for now, and were not before.
 */
export async function settle(
  client: StowkenClient,
  request: StoreRequest,
  draft: Draft,
  { onConflict: way, changing: known, keepsEach = false, ...defaults }: ConflictOptions,
): Promise<Settled> {
  const id = request.conversation?.id ?? '';
  if (way === 'fail') return 'other content';
  if (way === 'keep') return 'unchanged';
  const stored = await readStored(client, id);
  const conversation = mergedSpec(request, draft, stored.conversation);
  const { createTimeMs } = conversation;
  const replace = () => client.store({ ...request, conversation, ifRevision: stored.conversation.revision });
  const isNew = draft.messages.some(isSaid);
  const wasSaid = stored.messages.some(isSaid);
  // A line without messages says nothing against those that are stored, and gives way to the first.
  if (isNew && !wasSaid && stored.messages.length > 0) return keepsEach ? 'other content' : replace();
  if (!isNew && wasSaid && !hasValues(draft.document)) return way === 'append' ? 'unchanged' : replace();
  const together = Math.min(stored.messages.length, draft.messages.length);
  const isSame = draft.messages
    .slice(0, together)
    .every((message, index) => isSameMessage(message, stored.messages[index]!, stored.asTokens[index]));
  if (!isSame) return way === 'replace' ? replace() : 'other content';
  const hasNews =
    hasValues(draft.document) && documentJsonOf(stored.messages) !== JSON.stringify(draft.document);
  const saysOther = differs(conversation, stored.conversation);
  if (keepsEach && (hasNews || saysOther || stored.messages.length !== draft.messages.length))
    return 'other content';
  const more = draft.messages.slice(stored.messages.length);
  const hasText = more.some(({ content }) => typeof content === 'string');
  const isOld = stored.messages.length > draft.messages.length;
  const { specialTokens = false } = defaults;
  const isEncodedOtherwise =
    (specialTokens || way === 'replace') &&
    draft.messages
      .slice(0, together)
      .some(
        ({ content }, index) =>
          typeof content === 'string' && hasSpecials(stored.messages[index]!) !== specialTokens,
      );
  if (isEncodedOtherwise && !(isOld && way === 'append')) return replace();
  // A conversation without text has no tokenizer for what comes now. Fields are not appended to.
  if (more.length > 0 && ((hasText && stored.conversation.tokenizer === '') || saysOther)) return replace();
  if (more.length > 0) {
    // The line need not name the tokenizer that the conversation has.
    const changing = await changingTokenizers(client, stored.conversation.tokenizer, known);
    const messages = more.map((message, index): NewMessage =>
      toNewMessage(
        changing.keep(message, stored.conversation.tokenizer),
        defaults,
        index === 0 ? draft : undefined,
      ),
    );
    return client.append(id, messages, { ifRevision: stored.conversation.revision });
  }
  if (isOld && way === 'append') return 'unchanged';
  const beganBefore = createTimeMs !== undefined && createTimeMs < stored.conversation.createTimeMs;
  return isOld || hasNews || beganBefore || saysOther ? replace() : 'unchanged';
}

type Spec = NonNullable<StoreRequest['conversation']>;

/**
 * Returns the fields of a conversation as its newest document has them; what that does not say stays. Of two
 * times, the lines of a growing log name the second.
 */
function mergedSpec({ conversation = {} }: StoreRequest, { spec }: Draft, stored: Conversation): Spec {
  const { createTimeMs, tokenizer } = conversation;
  const namesTokenizer = spec.tokenizer !== undefined || spec.model !== undefined || stored.tokenizer === '';
  return {
    ...conversation,
    application: spec.application ?? stored.application,
    model: spec.model ?? stored.model,
    tokenizer: (namesTokenizer ? tokenizer : undefined) ?? stored.tokenizer,
    parentId: spec.parentId ?? stored.parentId,
    createTimeMs: createTimeMs === undefined ? undefined : Math.min(createTimeMs, stored.createTimeMs),
    expireTimeMs: spec.expireTimeMs ?? stored.expireTimeMs,
    metadata: spec.metadata ?? stored.metadata,
  };
}

function differs(spec: Spec, stored: Conversation): boolean {
  const keyOf = ({ application, model, parentId, expireTimeMs, metadata = {} }: Spec) =>
    JSON.stringify([application, model, parentId, expireTimeMs ?? null, Object.entries(metadata).sort()]);
  return keyOf(spec) !== keyOf(stored);
}

interface Stored {
  readonly conversation: Conversation;
  readonly messages: readonly StoredMessage[];
  /** Token ids of the messages, if they were read as text and some are token ids in one of the two. */
  readonly asTokens: readonly StoredMessage[];
}

async function readStored(client: StowkenClient, id: string): Promise<Stored> {
  const read = async (form: 'utf8' | 'tokens') => {
    let conversation: Conversation | undefined;
    const messages: StoredMessage[] = [];
    for await (const part of readForm(client, id, form, { includeFields: true })) {
      if (part.kind === 'header') ({ conversation } = part);
      else messages.push(part);
    }
    return { conversation: present(conversation, 'a conversation begins with its header'), messages };
  };
  const text = await read('utf8');
  return { ...text, asTokens: (await read('tokens')).messages };
}

function isSameMessage(
  { role, name, toolCallId, content, fields, said }: DraftMessage,
  stored: StoredMessage,
  asTokens: StoredMessage | undefined,
): boolean {
  if (stored.role !== role || stored.name !== name || stored.toolCallId !== toolCallId) return false;
  if (fields !== undefined && JSON.stringify(fields) !== skeletonOf(stored)) return false;
  const rendered = typeof content === 'string' ? undefined : said;
  if ((rendered && JSON.stringify(rendered)) !== keptSaid(stored)) return false;
  if (typeof content === 'string') return encodedText(stored) === content;
  const ids = asTokens?.content;
  return (
    typeof ids === 'object' && ids.length === content.length && content.every((id, at) => ids[at] === id)
  );
}

/** Returns the refusal of other content under a stored id, with what may be done. */
export function otherContent(request: StoreRequest, way: ConflictWay): BadLine {
  const conversation = `conversation ${JSON.stringify(request.conversation?.id ?? '')}`;
  const words =
    way === 'fail'
      ? `${conversation} is stored already, with other content (CONVERSATION_EXISTS): --on-conflict append adds ` +
        'what came since, replace stores this in its place, and keep leaves the stored one'
      : `${conversation} is stored with other messages, which these do not continue (CONVERSATION_EXISTS): ` +
        '--on-conflict replace stores these in their place, and --on-conflict keep leaves the stored ones';
  return new BadLine(words, 'CONVERSATION_EXISTS');
}
