import type { StowkenClient } from '../../client/index.js';
import type { Draft, DraftMessage } from './shapes/index.js';
import type { ToStore } from './to-store.js';

/** Rules by which conversations are rendered before they are stored. */
export interface Rendering {
  /** Jinja; undefined: that of the tokenizer. */
  readonly chatTemplate: string | undefined;
}

/** Length of text from which its place in the rendered text takes less than the text itself. */
const placedMin = 12;

/**
 * Returns the conversation with the tokens that its model saw: the chat template makes one prompt of all
 * messages, and each gets its part of it. What was said is kept beside it. Undefined if there is nothing to
 * render: token ids of a line are what a model saw.
 */
export async function renderedDraft(
  client: StowkenClient,
  draft: Draft,
  { request }: ToStore,
  { chatTemplate }: Rendering,
): Promise<Draft | undefined> {
  const { conversation = {}, messages } = request;
  const isText = draft.messages.every(({ content }) => typeof content === 'string');
  if (!isText || draft.messages.length === 0) return undefined;
  const { tokenizer = '', model = '', createTimeMs } = conversation;
  const { fieldsJson } = messages[0]!;
  const rendered = await client.renderMessages(
    messages.map(({ role, name, toolCallId, text }, index) => ({
      ...{ role, name, toolCallId, text: text ?? '' },
      ...(index === 0 && { fieldsJson }),
    })),
    {
      ...{ tokenizer, model },
      ...(createTimeMs !== undefined && { createTimeMs }),
      ...(chatTemplate !== undefined && { chatTemplate }),
    },
  );
  return {
    ...draft,
    // Stored under this name, also if the line names none.
    spec: { ...draft.spec, id: conversation.id, tokenizer: rendered.tokenizer },
    messages: draft.messages.map((message, index) => withPrompt(message, rendered.messages[index]!)),
  };
}

function withPrompt(
  message: DraftMessage,
  { tokens, text, replaced }: { tokens: Uint32Array; text: string; replaced: boolean },
): DraftMessage {
  const words = message.content as string;
  const from = replaced || words.length < placedMin ? -1 : text.indexOf(words);
  return {
    ...message,
    content: Array.from(tokens),
    said: from < 0 ? words : [from, from + words.length],
  };
}
