import { createHash } from 'node:crypto';
import { z } from 'zod';
import { limits } from '../../model/index.js';

/** Special tokens that a template knows by a name, as the tokenizer's configuration has them. */
const specialNames = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token'] as const;

/** Statements of a tokenizer's folder about chats. */
export interface ChatTemplate {
  /** Jinja; absent if the folder has none. */
  readonly source?: string | undefined;
  /** Another one, for conversations with tools. */
  readonly withTools?: string | undefined;
  /** Texts of special tokens by the names that templates use; absent if the folder has no configuration. */
  readonly specials?: Readonly<Record<string, string>> | undefined;
}

/** A chat template as vaults keep it: JSON, and the SHA-256 of that at its end. */
export interface ChatTemplateFile {
  /** In hex. */
  readonly sha256: string;
  readonly file: Uint8Array;
}

const templateSchema = z.string().refine((text) => Buffer.byteLength(text) <= limits.chatTemplateBytesMax, {
  error: `a chat template has at most ${limits.chatTemplateBytesMax} bytes`,
});

const keptSchema = z.object({
  source: templateSchema.optional(),
  withTools: templateSchema.optional(),
  specials: z.record(z.string(), z.string()).optional(),
});

const tokenSchema = z.union([
  z.string(),
  z.looseObject({ content: z.string() }).transform((it) => it.content),
]);

const configSchema = z.looseObject({
  chat_template: z
    .union([templateSchema, z.array(z.object({ name: z.string(), template: templateSchema }))])
    .nullish(),
});

const hashBytes = 32;

/**
 * Reads the texts of chat_template.jinja and tokenizer_config.json, as far as there are such files. The
 * former wins. Returns undefined if they say nothing.
 * @throws Error that says what was expected
 */
export function readChatTemplate(
  jinja: string | undefined,
  config: string | undefined,
): ChatTemplate | undefined {
  if (jinja === undefined && config === undefined) return undefined;
  const parsed = config === undefined ? undefined : configOf(config);
  const { chat_template: own } = parsed ?? {};
  const named = (name: string) =>
    typeof own === 'string' ? undefined : own?.find((each) => each.name === name)?.template;
  const source = jinja === undefined ? undefined : templateSchema.parse(jinja);
  return {
    source: source ?? (typeof own === 'string' ? own : named('default')),
    withTools: source === undefined ? named('tool_use') : undefined,
    specials: parsed && specialsOf(parsed),
  };
}

function configOf(text: string): z.infer<typeof configSchema> {
  try {
    return configSchema.parse(JSON.parse(text));
  } catch (error) {
    const why = error instanceof z.ZodError ? error.issues[0]!.message : (error as Error).message;
    throw new Error(`tokenizer_config.json: ${why}`, { cause: error });
  }
}

function specialsOf(config: Readonly<Record<string, unknown>>): Record<string, string> {
  const specials: Record<string, string> = {};
  for (const name of specialNames) {
    const token = tokenSchema.safeParse(config[name]);
    if (token.success) specials[name] = token.data;
  }
  return specials;
}

export function writeChatTemplate(template: ChatTemplate): ChatTemplateFile {
  const json = Buffer.from(JSON.stringify(template));
  const hash = createHash('sha256').update(json).digest();
  return { sha256: hash.toString('hex'), file: Buffer.concat([json, hash]) };
}

/** @throws Error if the bytes are no template, or damaged */
export function openChatTemplate(file: Uint8Array): ChatTemplate {
  const [json, hash] = [file.subarray(0, -hashBytes), file.subarray(-hashBytes)];
  if (!createHash('sha256').update(json).digest().equals(hash))
    throw new Error('the chat template is damaged');
  return keptSchema.parse(JSON.parse(Buffer.from(json).toString('utf8')));
}
