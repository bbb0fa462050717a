import { z } from 'zod';
import { StowkenError } from '../../model/index.js';

/** What a field's check may tell programs beside its sentence. */
export interface Refusal {
  readonly size?: number;
  readonly limit?: number;
  readonly value?: string;
}

/** Checks a decoded request; the first field that is not as it must be is an INVALID_FIELD. */
export function parse<Schema extends z.ZodType>(schema: Schema, message: object): z.output<Schema> {
  const result = schema.safeParse(message);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = fieldAt(issue?.path ?? []);
  const metadata: Record<string, string> = { field };
  if (issue?.code === 'custom') {
    for (const [name, fact] of Object.entries(issue.params ?? {})) metadata[name] = String(fact);
  }
  throw new StowkenError('INVALID_FIELD', `${field} ${issue?.message ?? 'is not valid'}`, metadata);
}

/** references[3].holder */
function fieldAt(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .slice(1);
}

/** Of zod's contexts, what a refusal needs. */
export type Context = Pick<z.core.ParsePayload, 'value' | 'issues'>;

/** Reports that a field is refused; the sentence follows the field's name. */
export function refuse(context: Context, sentence: string, facts: Refusal): never {
  context.issues.push({ code: 'custom', message: sentence, params: { ...facts }, input: context.value });
  return z.NEVER;
}

/** The same of one field of the object that is checked. */
export function refuseField(context: Context, field: string, sentence: string, facts: Refusal): never {
  context.issues.push({
    code: 'custom',
    path: [field],
    message: sentence,
    params: { ...facts },
    input: context.value,
  });
  return z.NEVER;
}
