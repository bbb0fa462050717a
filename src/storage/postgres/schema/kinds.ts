/** The column of `gate` that every change names. Other versions have other names for it: see migration 8. */
export const gateNumber = 'g9';

/**
 * True of every conversation, and of every request. A planner that knows nothing of a new table takes the
 * index of which a statement has the fewest conditions: `p` alone, if there is one. An index of these rows is
 * none for statements that do not say so.
 */
export const [anyConversation, anyRequest] = ['cid > 0', 'at > -1000000000000000000'] as const;

/**
 * Migration 9: conversations by their kind, which is their application, model and tokenizer. Rows of `kind`
 * have the kinds that conversations of a partition ever had, so that one entry a conversation suffices for
 * all three fields. The number of a kind is a part of a hash: some kinds may share it. Gates have the tick of
 * the last barrier from now on (condemn.ts).
 */
export const kindTables: readonly string[] = [
  'alter table conv add column kind int not null default 0',
  `create table kind (
    p int not null, kind int not null, app bytea not null, model bytea not null, tok bytea not null,
    primary key (p, app, model, tok, kind))`,
  'create index kind_model on kind (p, model)',
  'create index kind_tok on kind (p, tok)',
  'drop index conv_app',
  'drop index conv_model',
  'drop index conv_tok',
];

/** Numbers of conversations of before, as kindOf gives them. Elsewhere these share the number 0. */
export const kindOptions: readonly string[] = [
  `update conv set kind = ('x' || substr(encode(sha256(
    app || '\\x00'::bytea || model || '\\x00'::bytea || tok), 'hex'), 1, 8))::bit(32)::int4`,
];

/** Rows that follow from these. The gate is changed last: who waits for it holds rows of conversations. */
export const kindRows: readonly string[] = [
  'insert into kind (p, kind, app, model, tok) select distinct p, kind, app, model, tok from conv',
  `create index conv_kind on conv (p, kind, created, cid) where ${anyConversation}`,
  'drop index req_at',
  `create index req_at on req (p, at) where ${anyRequest}`,
  'update gate set ep = 0',
  `alter table gate rename column g8 to ${gateNumber}`,
];
