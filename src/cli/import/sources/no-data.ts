/** Error for a file that was found in a folder, and holds nothing to import: a README, a licence. */
export class NoData extends Error {
  override readonly name = 'NoData';

  constructor() {
    super('neither JSON nor Parquet');
  }
}
