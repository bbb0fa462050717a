import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import type { errorCatalogue } from '../../src/model/index.js';
import { errorPhases, isStowkenError, reasons, StowkenError } from '../../src/model/index.js';
import { codeOf, mayBeTold } from '../../src/rpc/errors.js';

type Entry = (typeof errorCatalogue)[keyof typeof errorCatalogue];

/** Returns docs/errors.md, generated from the catalogue. */
function document(): string {
  const sections = Object.entries(errorPhases).map(([title, phase]) => {
    const entries = Object.entries(phase) as [keyof typeof errorCatalogue, Entry][];
    return `## ${title}\n\n${entries.map(([reason, entry]) => section(reason, entry)).join('\n')}`;
  });
  return [
    '# Errors\n',
    'A call that fails has a gRPC status, a sentence for people, and in `grpc-status-details-bin` a',
    '`google.rpc.ErrorInfo` of the domain `stowken.dev`, whose `reason` is one of those below and whose `metadata` has',
    'facts for programs; the items of a batch have the same in their `ItemStatus`. The sentence may change at any time:',
    'programs look at the reason. The client raises a `ClientError` with `reason` and `metadata`.\n',
    'This page is made from [the catalogue](../src/model/error-catalogue.ts) by `npm run docs:errors`.\n',
    ...sections,
  ].join('\n');
}

function section(reason: keyof typeof errorCatalogue, entry: Entry): string {
  const code = mayBeTold(reason)
    ? `\`${status[codeOf[reason]]}\``
    : 'stays inside the server: the client sees `INTERNAL`';
  const lines = [`### ${reason}\n`, `Status: ${code}.\n`, `${entry.meaning}\n`, `Action: ${entry.action}\n`];
  const rows = [
    ...Object.entries('facts' in entry ? entry.facts : {}).map((fact) => row(...fact, 'always')),
    ...Object.entries('optionalFacts' in entry ? entry.optionalFacts : {}).map((fact) =>
      row(...fact, 'if known'),
    ),
  ];
  if (rows.length > 0)
    lines.push(`| Metadata | Meaning | Present |\n| --- | --- | --- |\n${rows.join('\n')}\n`);
  return lines.join('\n');
}

const row = (name: string, meaning: string, present: string) => `| \`${name}\` | ${meaning} | ${present} |`;

describe('the catalogue of errors', () => {
  it('has every reason in one phase', () => {
    const listed = Object.values(errorPhases).flatMap((phase) => Object.keys(phase));
    expect(listed).toEqual(reasons);
    expect(new Set(listed).size).toBe(listed.length);
  });

  it('is what docs/errors.md shows', async () => {
    await expect(document()).toMatchFileSnapshot('../../docs/errors.md');
  });

  it('says what facts an error has, to the compiler', () => {
    const facts = { id: 'a', revision: '7' };
    const error: unknown = new StowkenError('REVISION_MISMATCH', 'other', facts);
    expect(isStowkenError(error, 'REVISION_MISMATCH') && error.metadata.revision).toBe('7');
    // @ts-expect-error a fact is missing
    expect(new StowkenError('REVISION_MISMATCH', 'other', { id: 'a' }).reason).toBe('REVISION_MISMATCH');
    // @ts-expect-error a misspelt fact
    expect(new StowkenError('REVISION_MISMATCH', 'other', { ...facts, revison: '7' }).name).toBe(
      'StowkenError',
    );
    // @ts-expect-error facts are missing
    expect(new StowkenError('REVISION_MISMATCH', 'other').metadata).toEqual({});
    // @ts-expect-error a fact that no field of this error has
    expect(new StowkenError('INVALID_FIELD', 'no', { field: 'id', path: 'id' }).message).toBe('no');
    expect(new StowkenError('INVALID_FIELD', 'no', { field: 'id', limit: '1' }).metadata.limit).toBe('1');
    expect(new StowkenError('CANCELLED', 'no').metadata).toEqual({});
  });
});
