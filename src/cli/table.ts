import stringWidth from 'string-width';

export type Align = 'left' | 'right';

/**
 * Formats columns two spaces apart, by their width on a terminal: CJK characters and emoji are two wide. No
 * trailing spaces.
 */
export function formatTable(rows: readonly (readonly string[])[], align: readonly Align[]): string {
  const widths = align.map((_, column) =>
    rows.reduce((widest, row) => Math.max(widest, stringWidth(row[column] ?? '')), 0),
  );
  const pad = (cell: string, column: number) => {
    const space = ' '.repeat(widths[column]! - stringWidth(cell));
    return align[column] === 'right' ? space + cell : cell + space;
  };
  return rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n');
}
