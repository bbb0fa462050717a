/** A conversation's record and its number. */
export interface NumberedRecord {
  readonly number: number;
  readonly record: Uint8Array;
}

/** Forms of a record's labels: those of the record before; new ones; n: those that were the (n - 2)th new. */
export const labelForms = { same: 0, added: 1, known: 2 } as const;

/** Form of figures that follow from the list. */
export const DERIVED = 0;
export const STATED = 1;
