import { stepsShape } from './atif.js';
import { chatShapes } from './chats.js';
import { evaluationShapes } from './evaluations.js';
import type { JsonObject } from './json.js';
import { namedTextsShape, saysMore } from './named-texts.js';
import { messageShape, nestedShapes } from './nested.js';
import { recordShapes } from './records.js';
import { sessionShapes } from './sessions.js';
import { roomShapes } from './rooms.js';
import type { Shape } from './shape.js';
import { textShapes } from './texts.js';
import { tokenShapes } from './token-shapes.js';
import { trajectoryShapes } from './trajectories.js';
import { treeShapes } from './trees.js';

const [anthropic, openAiChat, shareGpt, gemini] = chatShapes;

/** Texts by their names alone: a line that has messages anywhere is none of them. */
const lastOfAll = new Set(['named-pair', 'prompt', 'answer']);

/** Shapes of lines, in the order in which they are tried: the first that recognises a line reads it. */
export const shapes: readonly Shape[] = [
  ...recordShapes.filter(({ name }) => name.startsWith('batch-')),
  ...treeShapes,
  ...roomShapes,
  ...evaluationShapes,
  ...textShapes.filter(({ name }) => name === 'preference'),
  ...tokenShapes,
  ...recordShapes.filter(({ name }) => !name.startsWith('batch-')),
  anthropic!,
  openAiChat!,
  shareGpt!,
  gemini!,
  stepsShape,
  ...trajectoryShapes,
  messageShape,
  ...textShapes.filter(({ name }) => name !== 'preference' && !lastOfAll.has(name)),
  ...nestedShapes,
  ...textShapes.filter(({ name }) => lastOfAll.has(name)),
  namedTextsShape,
];

/** Names that --format takes, with what they are, in the order of the table. */
export const formats: readonly { readonly name: string; readonly title: string }[] = [
  ...shapes,
  ...sessionShapes,
].map(({ name, title }) => ({ name, title }));

/** Shapes whose lines are rows of a data set, or records of an evaluation: their ids name a question. */
const rows = new Set([
  ...[...textShapes, ...evaluationShapes, ...nestedShapes, ...tokenShapes, namedTextsShape, stepsShape].map(
    ({ name }) => name,
  ),
  ...['sharegpt', 'huggingface-chat', 'swe-agent', 'nemo-gym'],
]);

/** True for a shape whose lines do not grow, and of which several may have the id of one question. */
export function isOfRows(format: string): boolean {
  return rows.has(format);
}

/** Shapes of one text of a line, which may have others. */
const ofOneText = new Set(['prompt', 'answer', 'text']);

export function shapeOf(line: JsonObject): Shape | undefined {
  const shape = shapes.find((each) => each.recognise(line));
  return shape !== undefined && ofOneText.has(shape.name) && saysMore(shape, line) ? namedTextsShape : shape;
}
