/** Tokens of a passage that are looked for together. Passages of registries have 24 tokens or more. */
const WINDOW = 8;
const ROOT = 0;

/**
 * Finds out which phrases and passages occur in some contents. Phrases are a tree of tokens, which is walked
 * from every position; of a passage, every window of eight tokens is looked up by its hash and compared.
 */
export class KnownPhrases {
  readonly #edges = new EdgeTable();
  readonly #windows = new Map<number, number>();
  #isFoundAt = new Uint8Array(1024);
  #nodes = 1;
  #text = new Uint32Array(0);
  #isWindowFound = new Uint8Array(0);

  /** Adds a phrase to look for. */
  addPhrase(tokens: Uint32Array): void {
    let node = ROOT;
    for (const token of tokens) node = this.#edges.child(node, token) ?? this.#grow(node, token);
  }

  /** Sets the passages to look for, one after the other. */
  setText(tokens: Uint32Array): void {
    this.#text = tokens.slice();
    this.#isWindowFound = new Uint8Array(tokens.length);
    this.#windows.clear();
    for (let at = 0; at + WINDOW <= tokens.length; at += 1) {
      const hash = hashAt(tokens, at);
      if (!this.#windows.has(hash)) this.#windows.set(hash, at);
    }
  }

  /** Looks through some content. */
  look(tokens: Uint32Array): void {
    for (let from = 0; from < tokens.length; from += 1) {
      let node: number | undefined = ROOT;
      for (let at = from; at < tokens.length; at += 1) {
        node = this.#edges.child(node, tokens[at]!);
        if (node === undefined) break;
        this.#isFoundAt[node] = 1;
      }
      if (this.#windows.size > 0 && from + WINDOW <= tokens.length) this.#lookUp(tokens, from);
    }
  }

  /** True if a phrase that was added has occurred. */
  hasFound(tokens: Uint32Array): boolean {
    let node: number | undefined = ROOT;
    for (const token of tokens) {
      node = this.#edges.child(node, token);
      if (node === undefined) return false;
    }
    return node === ROOT || this.#isFoundAt[node] === 1;
  }

  /** True if every token of the passages lies in a window that has occurred. */
  hasFoundText(): boolean {
    let coveredTo = 0;
    for (let at = 0; at + WINDOW <= this.#text.length; at += 1) {
      const first = this.#windows.get(hashAt(this.#text, at));
      const isFound = first !== undefined && this.#isWindowFound[first] === 1;
      if (!isFound || !sameWindow(this.#text, first, this.#text, at)) continue;
      if (at > coveredTo) return false;
      coveredTo = at + WINDOW;
    }
    return coveredTo === this.#text.length;
  }

  #lookUp(tokens: Uint32Array, from: number): void {
    const at = this.#windows.get(hashAt(tokens, from));
    if (at !== undefined && this.#isWindowFound[at] === 0 && sameWindow(this.#text, at, tokens, from))
      this.#isWindowFound[at] = 1;
  }

  #grow(parent: number, token: number): number {
    const node = this.#nodes++;
    if (node >= this.#isFoundAt.length) {
      const larger = new Uint8Array(2 * this.#isFoundAt.length);
      larger.set(this.#isFoundAt);
      this.#isFoundAt = larger;
    }
    this.#edges.add(parent, token, node);
    return node;
  }
}

/** Edges of a tree by node and token: open addressing. */
class EdgeTable {
  /** Node, token, child of each; child 0: none. */
  #slots = new Uint32Array(3 * 1024);
  #mask = 1023;
  #count = 0;

  child(node: number, token: number): number | undefined {
    for (let slot = mix(node, token) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const child = this.#slots[3 * slot + 2]!;
      if (child === 0) return undefined;
      if (this.#slots[3 * slot] === node && this.#slots[3 * slot + 1] === token) return child;
    }
  }

  add(node: number, token: number, child: number): void {
    if (2 * (this.#count + 1) > this.#mask) this.#widen();
    this.#count += 1;
    let slot = mix(node, token) & this.#mask;
    while (this.#slots[3 * slot + 2] !== 0) slot = (slot + 1) & this.#mask;
    this.#slots.set([node, token, child], 3 * slot);
  }

  #widen(): void {
    const before = this.#slots;
    this.#mask = 2 * this.#mask + 1;
    this.#slots = new Uint32Array(3 * (this.#mask + 1));
    this.#count = 0;
    for (let at = 0; at < before.length; at += 3)
      if (before[at + 2] !== 0) this.add(before[at]!, before[at + 1]!, before[at + 2]!);
  }
}

function mix(node: number, token: number): number {
  let hash = Math.imul(node ^ Math.imul(token, 0x85ebca6b), 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
  return hash ^ (hash >>> 13);
}

function hashAt(tokens: Uint32Array, from: number): number {
  let hash = 0;
  for (let at = from; at < from + WINDOW; at += 1) hash = mix(hash, tokens[at]!);
  return hash;
}

function sameWindow(one: Uint32Array, from: number, other: Uint32Array, at: number): boolean {
  for (let step = 0; step < WINDOW; step += 1) if (one[from + step] !== other[at + step]) return false;
  return true;
}
