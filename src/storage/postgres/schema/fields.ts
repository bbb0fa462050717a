/** Migration 6: conversations by the values of their fields, by create time. */
export const fieldIndexes: readonly string[] = [
  'create index conv_app on conv (p, app, created, cid)',
  'create index conv_model on conv (p, model, created, cid)',
  'create index conv_tok on conv (p, tok, created, cid)',
  'create index conv_parent on conv (p, parent, created, cid) where octet_length(parent) > 0',
];
