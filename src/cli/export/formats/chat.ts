import { extraFields } from '../../../model/index.js';
import type { PartialFile } from '../partial-file.js';
import type { Format, FormatSettings, PartWriter, TextMessage, TextSample } from './format.js';

/** Formats of text for fine-tuning: JSON lines of messages as OpenAI's chat API has them. */

const answers = 'assistant';

/**
 * One conversation a line: {"messages":[...],"tools":[...]?}. With a mask, answers of other roles have the
 * weight 0.
 */
export const openai: Format<TextSample> = {
  reads: 'text',
  leavesOut: 'conversations without an answer of the role assistant',
  filesOfPart: 1,
  async begin(folder, { name }, settings) {
    const file = await folder.create(`${name}.jsonl`);
    return lines(file, settings, ({ messages, tools }, { lossRoles }) => {
      if (!messages.some(({ role }) => role === answers)) return [];
      const isLearned = (role: string) => lossRoles === undefined || role !== answers || lossRoles.has(role);
      const made = messages.map((message) =>
        chatMessage(message, isLearned(message.role) ? {} : { weight: 0 }),
      );
      const beside = tools === undefined ? '' : `,"tools":${JSON.stringify(tools)}`;
      return [`{"messages":[${made.join(',')}]${beside}}`];
    });
  },
};

/**
 * One answer a line, with all that came before it: {"prompt":[...],"completion":[...]}. Answers are messages
 * of the roles that are learned.
 */
export const pairs: Format<TextSample> = {
  reads: 'text',
  leavesOut: 'conversations without an answer behind a prompt',
  filesOfPart: 1,
  async begin(folder, { name }, settings) {
    return lines(await folder.create(`${name}.jsonl`), settings, pairLines);
  },
};

function* pairLines({ messages }: TextSample, { lossRoles, turns }: FormatSettings): Generator<string> {
  const isAnswer = ({ role }: TextMessage) =>
    lossRoles === undefined ? role === answers : lossRoles.has(role);
  const last = turns === 'last' ? messages.findLastIndex(isAnswer) : undefined;
  let prompt = '';
  for (const [index, message] of messages.entries()) {
    const own = chatMessage(message, {});
    const isWanted = index > 0 && isAnswer(message) && (last === undefined || index === last);
    if (isWanted) yield `{"prompt":[${prompt}],"completion":[${own}]}`;
    prompt += prompt === '' ? own : `,${own}`;
  }
}

function lines(
  file: PartialFile,
  settings: FormatSettings,
  make: (sample: TextSample, settings: FormatSettings) => Iterable<string>,
): PartWriter<TextSample> {
  return {
    async add(sample) {
      let isFit = false;
      for (const line of make(sample, settings)) {
        isFit = true;
        if (settings.seen?.add(line) === false) continue;
        await file.write(`${line}\n`);
      }
      return isFit;
    },
    state: () => undefined,
    finish: () => Promise.resolve(),
  };
}

function chatMessage(message: TextMessage, more: { readonly weight?: 0 }): string {
  const { role, name, toolCallId, content } = message;
  const extras = extraFields.filter((field) => message[field] !== undefined);
  return JSON.stringify({
    role,
    ...(name !== '' && { name }),
    ...(toolCallId !== '' && { tool_call_id: toolCallId }),
    content,
    ...Object.fromEntries(extras.map((field) => [field, message[field]])),
    ...more,
  });
}
