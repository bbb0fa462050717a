/** A prefix of a tree: the blocks of a node up to a depth. */
export interface WarmPrefix {
  readonly application: string;
  readonly depth: number;
  /** Conversations that begin with it, and the greatest of their numbers. */
  readonly conversations: number;
  readonly newest: number;
}

interface Candidate {
  readonly node: number;
  readonly depth: number;
  readonly conversations: number;
  readonly newest: number;
}

/**
 * A tree of the blocks that conversations begin with, in arrays, and the prefixes of it that are most worth
 * keeping: those with the greatest product of depth and conversations. A node has blocks that nothing leaves
 * in between, but ends of conversations.
 *
 * A prefix is left out when one that begins with it is taken before: who keeps that keeps both.
 */
export class WarmTree {
  readonly #parents = new Numbers();
  readonly #depths = new Numbers();
  /** Conversations that end at a depth of a node: three numbers each. */
  readonly #ends = new Numbers();
  readonly #applications = new Map<number, string>();

  /** Adds a node, with blocks up to a depth. Nodes are numbered from 1; a parent of 0 is none. */
  addNode(node: number, parent: number, depth: number): void {
    this.#parents.set(node, parent);
    this.#depths.set(node, depth);
  }

  /** Names the application of a node without a parent. */
  setApplication(node: number, application: string): void {
    this.#applications.set(node, application);
  }

  /** Returns the node without a parent that leads to a node. */
  rootOf(node: number): number {
    let root = node;
    for (let parent = this.#parents.get(node); parent !== 0; parent = this.#parents.get(parent))
      root = parent;
    return root;
  }

  /** Adds the end of a conversation. Newer conversations have greater numbers. */
  addEnd(node: number, depth: number, conversation: number): void {
    this.#ends.push(node);
    this.#ends.push(depth);
    this.#ends.push(conversation);
  }

  /** Returns the best prefixes of at least so many blocks, which two conversations share, the best first. */
  best(limit: number, depthMin: number): WarmPrefix[] {
    const chosen: WarmPrefix[] = [];
    /** Depth by node that a chosen prefix has. */
    const covered = new Map<number, number>();
    const candidates = [...this.#candidates(depthMin)].sort(
      (a, b) => b.depth * b.conversations - a.depth * a.conversations || b.depth - a.depth || a.node - b.node,
    );
    for (const { node, depth, conversations, newest } of candidates) {
      if (chosen.length === limit) break;
      if ((covered.get(node) ?? 0) >= depth) continue;
      covered.set(node, depth);
      let root = node;
      for (let parent = this.#parents.get(node); parent !== 0; parent = this.#parents.get(parent)) {
        covered.set(parent, Infinity);
        root = parent;
      }
      chosen.push({ application: this.#applications.get(root) ?? '', depth, conversations, newest });
    }
    return chosen;
  }

  *#candidates(depthMin: number): Generator<Candidate, void, void> {
    const counts = new Float64Array(this.#parents.length);
    const newest = new Float64Array(this.#parents.length);
    const ends = this.#endsByNode();
    for (let at = 0; at < ends.length; at += 1) {
      const end = ends[at]!;
      const node = this.#ends.get(end);
      counts[node]! += 1;
      newest[node] = Math.max(newest[node]!, this.#ends.get(end + 2));
    }
    const below = new Float64Array(this.#parents.length);
    const newestBelow = new Float64Array(this.#parents.length);
    for (const node of this.#deepestFirst()) {
      const parent = this.#parents.get(node);
      const all = counts[node]! + below[node]!;
      below[parent]! += all;
      newestBelow[parent] = Math.max(newestBelow[parent]!, newest[node]!, newestBelow[node]!);
    }
    let at = 0;
    for (let node = 1; node < this.#parents.length; node += 1) {
      let end = at;
      while (end < ends.length && this.#ends.get(ends[end]!) === node) end += 1;
      yield* this.#candidatesIn(node, ends.subarray(at, end), below[node]!, newestBelow[node]!, depthMin);
      at = end;
    }
  }

  /** Yields the depths of a node, the deepest first, at which more conversations begin alike than before. */
  *#candidatesIn(
    node: number,
    ends: Uint32Array,
    below: number,
    newestBelow: number,
    depthMin: number,
  ): Generator<Candidate, void, void> {
    const whole = this.#depths.get(node);
    let [conversations, newest, depth] = [below, newestBelow, whole];
    for (let at = ends.length - 1; at >= -1; at -= 1) {
      const next = at < 0 ? -1 : this.#ends.get(ends[at]! + 1);
      if (next !== depth && conversations >= 2 && depth >= depthMin)
        yield { node, depth, conversations, newest };
      if (at < 0) return;
      depth = next;
      conversations += 1;
      newest = Math.max(newest, this.#ends.get(ends[at]! + 2));
    }
  }

  /** Returns the places of the ends, by node and depth. */
  #endsByNode(): Uint32Array {
    const places = Uint32Array.from({ length: this.#ends.length / 3 }, (_, at) => 3 * at);
    return places.sort(
      (a, b) => this.#ends.get(a) - this.#ends.get(b) || this.#ends.get(a + 1) - this.#ends.get(b + 1),
    );
  }

  /** Returns the nodes so that each comes before its parent. */
  #deepestFirst(): Uint32Array {
    const nodes = Uint32Array.from({ length: Math.max(0, this.#parents.length - 1) }, (_, at) => at + 1);
    return nodes.sort((a, b) => this.#depths.get(b) - this.#depths.get(a));
  }
}

/** A list of numbers that grows; 0 where none was set. */
class Numbers {
  #numbers = new Float64Array(1024);
  length = 0;

  get(at: number): number {
    return this.#numbers[at] ?? 0;
  }

  set(at: number, value: number): void {
    if (at >= this.#numbers.length) {
      const larger = new Float64Array(Math.max(at + 1, 2 * this.#numbers.length));
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[at] = value;
    this.length = Math.max(this.length, at + 1);
  }

  push(value: number): void {
    this.set(this.length, value);
  }
}
