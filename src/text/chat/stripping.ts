/** A node of a parsed template; nodes are plain objects with a type. */
interface Node {
  readonly type: string;
  [field: string]: unknown;
}

/** Name of the function that rewritten calls use: none that a template can write. */
export const stripName = ' strip';

type Side = 'strip' | 'lstrip' | 'rstrip';

/**
 * Makes text.strip(letters), the same at one side, and the filter trim calls of a function. The interpreter
 * takes no letters there, and strips spaces instead; and its spaces are not Python's. Both change prompts
 * without a word. Changes the node.
 */
export function rewriteStripping(node: unknown): void {
  if (Array.isArray(node)) {
    for (const each of node) rewriteStripping(each);
    return;
  }
  if (typeof node !== 'object' || node === null) return;
  if (node instanceof Map) return rewriteStripping([...(node as Map<unknown, unknown>)]);
  for (const value of Object.values(node)) rewriteStripping(value);
  const { type, callee, args, operand, filter } = node as Node;
  if (type === 'FilterExpression' && (filter as Node).type === 'Identifier') {
    if ((filter as Node)['value'] === 'trim') becomeCall(node, filter as Node, operand, 'strip', []);
  } else if (type === 'CallExpression' && Array.isArray(args)) {
    const { object, property, computed } = callee as {
      object?: unknown;
      property?: Node;
      computed?: boolean;
    };
    const side = property?.['value'];
    if (object !== undefined && !computed && isSide(side)) becomeCall(node, property!, object, side, args);
  }
}

/** Makes a node a call of the function. `name`: a node that is an identifier. */
function becomeCall(node: object, name: Node, text: unknown, side: Side, letters: readonly unknown[]): void {
  const literal = { ...name, type: 'StringLiteral', value: side };
  const callee = { ...name, value: stripName };
  Object.assign(node, { type: 'CallExpression', callee, args: [text, literal, ...letters] });
}

function isSide(name: unknown): name is Side {
  return name === 'strip' || name === 'lstrip' || name === 'rstrip';
}

/** Spaces of Python. */
const space = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** Strips these letters as Python does; spaces if none are given. */
export function strip(text: unknown, side: Side, letters?: unknown): string {
  if (typeof text !== 'string') throw new Error(`${side} is for text, and got ${JSON.stringify(text)}`);
  const points = Array.from(text);
  const isStripped = (point: string): boolean =>
    typeof letters === 'string' ? letters.includes(point) : space.test(point);
  let [from, to] = [0, points.length];
  if (side !== 'rstrip') while (from < to && isStripped(points[from]!)) from += 1;
  if (side !== 'lstrip') while (to > from && isStripped(points[to - 1]!)) to -= 1;
  return points.slice(from, to).join('');
}
