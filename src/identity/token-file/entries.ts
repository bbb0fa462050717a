import { parse } from 'yaml';
import { z } from 'zod';
import { type Grant, isRight, type Right, rights } from '../identity.js';
import { entryNameForm, entryNamePattern } from './entry-name.js';
import { isVaultPattern, vaultPatternForm } from '../vault-pattern.js';

/** Content of a token file: who may do what. Tokens themselves are not in it, only their SHA-256. */
export interface TokenFileEntries {
  readonly tokens: readonly TokenEntry[];
  readonly certificates: readonly CertificateEntry[];
}

export interface TokenEntry {
  readonly name: string;
  /** SHA-256 of the token, in hex. */
  readonly sha256: string;
  readonly grants: readonly Grant[];
  /** Time of creation, in milliseconds since 1970. */
  readonly createdMs: number | undefined;
  /** Time from which it is not valid any more. */
  readonly expiresMs: number | undefined;
}

/** Rights of the clients whose certificate has this subject, or this alternative name. */
export interface CertificateEntry {
  readonly name: string;
  readonly subject: string | undefined;
  readonly san: string | undefined;
  readonly grants: readonly Grant[];
}

const name = z.string().regex(entryNamePattern, { error: `it is ${entryNameForm}` });
const right = z.custom<Right>((value) => typeof value === 'string' && isRight(value), {
  error: `it is one of ${rights.join(', ')}`,
});
const vault = z.string().refine(isVaultPattern, { error: `it is ${vaultPatternForm}` });
const grants = z
  .array(z.strictObject({ rights: z.array(right).min(1), vaults: z.array(vault).min(1) }))
  .min(1);
const time = z
  .union([z.string(), z.date()])
  .transform((value) => new Date(value).getTime())
  .refine((timeMs) => !Number.isNaN(timeMs), { error: 'it is a time, such as 2026-01-31T12:00:00Z' });

const token = z
  .strictObject({
    name,
    sha256: z.string().regex(/^[0-9a-f]{64}$/, { error: 'it is a SHA-256 in 64 lower-case hex digits' }),
    grants,
    created: time.optional(),
    expires: time.optional(),
  })
  .transform(({ created, expires, ...rest }): TokenEntry => ({
    ...rest,
    createdMs: created,
    expiresMs: expires,
  }));

const certificate = z
  .strictObject({ name, subject: z.string().min(1).optional(), san: z.string().min(1).optional(), grants })
  .refine(({ subject, san }) => (subject === undefined) !== (san === undefined), {
    error: 'it has either a subject or a san',
  })
  .transform((entry): CertificateEntry => ({ ...entry, subject: entry.subject, san: entry.san }));

const schema = z
  .strictObject({ tokens: z.array(token).default([]), certificates: z.array(certificate).default([]) })
  .superRefine(({ tokens, certificates }, context) => {
    const names = [...tokens, ...certificates].map((entry) => entry.name);
    const twice = names.find((each, index) => names.indexOf(each) !== index);
    if (twice !== undefined) context.addIssue(`the name ${twice} stands there twice`);
    if (new Set(tokens.map(({ sha256 }) => sha256)).size < tokens.length)
      context.addIssue('one sha256 stands there twice');
  });

/**
 * Reads a token file in YAML or JSON.
 * @throws Error that names the entry and what is wrong with it, and quotes no value
 */
export function parseTokenFile(text: string): TokenFileEntries {
  let content: unknown;
  try {
    content = parse(text, { maxAliasCount: 0 });
  } catch (error) {
    // Only the first line: the others quote the file.
    throw new Error((error as Error).message.split('\n')[0], { cause: undefined });
  }
  const result = schema.safeParse(content ?? {});
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const at = (issue?.path ?? []).map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`));
  throw new Error(`${at.join('').replace(/^\./, '') || 'the file'}: ${issue?.message ?? 'is not valid'}`);
}
