/** Pieces, and letters of one, that are kept with their tokens. */
const piecesMax = 32 * 1024;
const pieceLettersMax = 64;

/** The tokens of short pieces that were merged lately: text repeats its rare words. */
export class MergeCache {
  #younger = new Map<string, readonly number[]>();
  #older = new Map<string, readonly number[]>();

  get(piece: string): readonly number[] | undefined {
    if (piece.length > pieceLettersMax) return undefined;
    const younger = this.#younger.get(piece);
    if (younger !== undefined) return younger;
    const older = this.#older.get(piece);
    if (older !== undefined) this.#add(piece, older);
    return older;
  }

  set(piece: string, tokens: readonly number[]): void {
    // A copy: a piece is a view of the text that it was cut from, and would keep all of it.
    if (piece.length <= pieceLettersMax) this.#add(Buffer.from(piece).toString(), tokens);
  }

  #add(piece: string, tokens: readonly number[]): void {
    this.#younger.set(piece, tokens);
    if (this.#younger.size < piecesMax / 2) return;
    this.#older = this.#younger;
    this.#younger = new Map();
  }
}
