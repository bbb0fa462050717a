/**
 * Damage that was found on a page of a data file: the one exception of everything that reads pages in this folder.
 * `page` is undefined where no page can be named.
 */
export class PageDamage extends Error {
  override readonly name = 'PageDamage';

  constructor(
    readonly page: number | undefined,
    readonly what: string,
  ) {
    super(page === undefined ? what : `page ${page}: ${what}`);
  }
}

/** @throws PageDamage unless the condition holds */
export function intact(condition: boolean, page: number, what: () => string): asserts condition {
  if (!condition) throw new PageDamage(page, what());
}
