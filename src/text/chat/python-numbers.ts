/**
 * Key of an object that stands for a number, with the text that Python writes of it. Python, which renders
 * templates elsewhere, knows 1.0 from 1 and integers of any size; JavaScript does not. Numbers that it would
 * write otherwise are such objects.
 */
const key = ' number';

interface KeptNumber {
  readonly [key]: string;
}

/** Texts, and everything that may be a number. */
const tokens = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;
/** Numbers that may be written otherwise: long ones, and those with a point or an exponent. */
const unusual = /\d{16}|\d[.eE]/;

/** Parses JSON, and keeps the numbers that Python writes otherwise. @throws SyntaxError */
export function parseForPython(json: string): unknown {
  if (!unusual.test(json)) return JSON.parse(json);
  // Refuses text that is no JSON.
  JSON.parse(json);
  return JSON.parse(
    json.replace(tokens, (token) => {
      if (token.startsWith('"')) return token;
      const written = numberOfPython(token);
      return written === String(Number(token)) ? token : JSON.stringify({ [key]: written });
    }),
  );
}

/** Returns a number, by its text in JSON, as it stands in values. */
export function keptNumber(text: string): unknown {
  const written = numberOfPython(text);
  return written === String(Number(text)) ? Number(text) : { [key]: written };
}

/** Returns what Python's json.dumps writes of a number that it read from this text. */
function numberOfPython(text: string): string {
  if (!/[.eE]/.test(text)) return text === '-0' ? '0' : text;
  const value = Number(text);
  if (!Number.isFinite(value)) return value < 0 ? '-Infinity' : 'Infinity';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const [, sign, first, rest = '', power] = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(value.toExponential())!;
  const exponent = Number(power);
  const digits = `${first}${rest}`;
  if (exponent < -4 || exponent >= 16) {
    const size = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${first}${rest === '' ? '' : `.${rest}`}e${exponent < 0 ? '-' : '+'}${size}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}

function isKept(value: object): value is KeptNumber {
  return typeof (value as Partial<KeptNumber>)[key] === 'string' && Object.keys(value).length === 1;
}

/** Returns a value with a number of `use` for each that is kept; the very same value if there is none. */
function withNumbers<T>(value: T, use: (text: string) => number): T {
  if (typeof value !== 'object' || value === null) return value;
  if (isKept(value)) return use(value[key]) as T;
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    const made = items.map((item) => withNumbers(item, use));
    return (made.every((item, index) => item === items[index]) ? value : made) as T;
  }
  const entries = Object.entries(value as object) as [string, unknown][];
  const made = entries.map(([name, item]) => [name, withNumbers(item, use)] as const);
  return made.every(([, item], index) => item === entries[index]![1])
    ? value
    : (Object.fromEntries(made) as T);
}

/** Returns a value with JavaScript's numbers. */
export function withPlainNumbers<T>(value: T): T {
  return withNumbers(value, Number);
}

/** Values for a template, and what gives their text the numbers of Python. */
export interface Numbered<T> {
  readonly value: T;
  /** `write`: what is written of a number, by its text of Python; default: that text. */
  readonly restore: (text: string, write?: (text: string) => string) => string;
}

/**
 * Puts a number of 16 digits that nothing else has in the place of each that is kept. Returns undefined if
 * there is none. Templates write numbers, and hardly do anything else with them.
 */
export function withStandIns<T>(given: T): Numbered<T> | undefined {
  const texts = new Map<string, string>();
  const others = JSON.stringify(given);
  let next = 0;
  const value = withNumbers(given, (text) => {
    do next = 1e15 + Math.floor(Math.random() * 8e15);
    while (texts.has(String(next)) || others.includes(String(next)));
    texts.set(String(next), text);
    return next;
  });
  if (texts.size === 0) return undefined;
  const standIns = new RegExp([...texts.keys()].join('|'), 'g');
  const restore: Numbered<T>['restore'] = (text, write = (each) => each) =>
    text.replace(standIns, (standIn) => write(texts.get(standIn)!));
  return { value, restore };
}
