import { bytes, int, type Row, type Statement, text } from '../database/driver.js';
import type { PackId } from '../formats/ids.js';
import type { ListColumns } from '../formats/list.js';

/** A part of a stored list of messages. */
export interface ListPart extends ListColumns {
  readonly k: PackId;
  readonly n: number;
  readonly firstMessage: number;
  readonly messages: number;
  readonly tokensBefore: number;
  readonly tokens: number;
}

/** Columns of a part of a list. */
export const listColumns = 'k, n, m0, msgs, t0, toks, packs, list';
const columns = listColumns;

/** Parts of a list that have messages from $3 on, before $4. The first part has the list's own id. */
export const readListParts: Statement = {
  name: 'list_parts',
  text: `select ${columns} from part where p = $1 and k = $2 and m0 < $4 and m0 + msgs > $3
    union all
    select ${columns} from part where p = $1 and c = $2 and n > 0 and m0 < $4 and m0 + msgs > $3 order by n`,
};

/**
 * The list of a conversation. As a value and not in a join: so each part is found by its key, whatever the
 * planner knows of the tables.
 */
export const listOfHead = '(select v.k from conv v where v.p = $1 and v.idh = $2)';

/** The parts of a conversation's list, as far as it is in the partition of the conversation. */
export const readListOfHead: Statement = {
  name: 'list_parts_of_head',
  text: `select ${columns} from part where p = $1 and k = ${listOfHead}
    union all
    select ${columns} from part where p = $1 and c = ${listOfHead} and n > 0 order by n`,
};

/** The last part of a list that begins at this token or before it, and has messages. */
export const findListPart: Statement = {
  name: 'list_part_of_token',
  text: `select ${columns} from part where p = $1 and (k = $2 or (c = $2 and n > 0)) and t0 <= $3 and msgs > 0
    and m0 < $4 and t0 + toks > $3 order by n limit 1`,
};

export function listPartFrom(row: Row): ListPart {
  return {
    k: text(row['k']),
    n: int(row['n']),
    firstMessage: int(row['m0']),
    messages: int(row['msgs']),
    tokensBefore: int(row['t0']),
    tokens: int(row['toks']),
    packs: ((row['packs'] ?? []) as unknown[]).map(text),
    list: bytes(row['list']),
  };
}
