import type { JsonObject } from './json.js';

const setOf = (words: string): ReadonlySet<string> => new Set(words.split(' '));

/** Words by which the name of a text says that somebody asks. */
const wordsOfAsking = setOf(
  'prompt question instruction query problem input user human patient prompter student',
);
/** Words by which the name of a text says that it is an answer. */
const wordsOfSaying = setOf(
  'response answer output completion reply solution assistant bot agent model doctor generation continuation teacher',
);
/** Such words where a text may be anywhere in a line. */
const moreOfAsking = setOf('task goal topic intent request asked stem 问题 指令 输入');
const moreOfSaying = setOf(
  'target ideal reference gold expected prediction predicted pred sampled result chosen rejected summary ' +
    'judgment judgement critique rationale explanation thought reasoning truth groundtruth snippet code sql patch diff gpt ' +
    'chatgpt claude ai moss mes greeting 回答 答案 输出',
);
const wordsOfText = setOf('message text content turn utterance statement part');
const namesOfText = setOf('text content value message utterance body turns full_text');
const wordsOfOrders = setOf('prompt instruction instructions');
/** Words that tell answers to the same question from each other. */
const wordsOfChoosing = setOf(
  'chosen rejected preferred dispreferred better worse good bad win lose best worst',
);
/** Words that are the name of a speaker, and under which a line may name one, such as a model. */
const wordsOfSpeakers = setOf('model models user users bot bots agent agents student teacher');
const wordsOfLabels = setOf('task goal topic intent request');
const wordsOfDetails = setOf('metadata meta extra info annotations');
const wordsOfTools = setOf('tools functions apis function schema schemas');
const namesOfChoices = setOf('choices options endings alternatives distractors');
/** First words of the names of answers that are wrong, and of tests, which nobody says. */
const wordsOfNobody = setOf('incorrect test tests');
/** Words of two letters behind a name that are no language: "question_id". */
const noLanguages = setOf('id no nr ts at by');

/** Part of a conversation that a text has by its name. */
export type Part = 'system' | 'asks' | 'says';

function wordsOf(name: string): readonly string[] {
  return name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[\s_.-]+/);
}

/** True for the name of a text that says what the model is to do: "system", "systemPrompt". */
export function isOfSystem(name: string): boolean {
  const words = wordsOf(name);
  const at = words.indexOf('system');
  const others = words.slice(at + 1);
  if (at < 0 || (at > 0 && others.length === 0)) return false;
  return others.every((word) => wordsOfText.has(word) || wordsOfOrders.has(word));
}

/** True for the name of one who asks, or of what is asked. */
export function isOfAsking(name: string): boolean {
  return isNamed(wordsOf(name), wordsOfAsking);
}

/** True for the name of one who answers, or of an answer, one of several as well: "response_1". */
export function isOfSaying(name: string): boolean {
  const words = wordsOf(name);
  if (isNamed(words, wordsOfSaying)) return true;
  const telling = words.filter((word) => !isChoosing(word));
  return telling.length === 1 && words.length === 2 && wordsOfSaying.has(withoutNumber(telling[0]!));
}

/** Returns the part of a text with a name that may be anywhere in a line, and may be a plural. */
export function partOf(name: string): Part | undefined {
  if (isOfSystem(name)) return 'system';
  const words = wordsOf(name);
  if (words.length > 1 && wordsOfNobody.has(words[0]!)) return undefined;
  const kinds = [
    words,
    words
      .filter((word) => !isChoosing(word))
      .map(withoutNumber)
      .map(singular),
  ];
  for (const each of kinds) {
    if (each.length === 0) continue;
    if (isNamed(each, wordsOfAsking) || moreOfAsking.has(each.at(-1)!)) return 'asks';
    if (isNamed(each, wordsOfSaying) || moreOfSaying.has(each.at(-1)!)) return 'says';
  }
  return undefined;
}

/** True for a name under which a line may name a speaker, and says nothing. */
export function isOfSpeaker(name: string): boolean {
  return wordsOfSpeakers.has(wordsOf(name).at(-1)!);
}

/** True for the name of one model of several: "model_a", "chosen_model". */
export function isOfOneModel(name: string): boolean {
  const words = wordsOf(name);
  const [only, ...others] = words.filter((word) => !isChoosing(word)).map(withoutNumber);
  return only === 'model' && others.length === 0 && (words.length > 1 || words[0] !== only);
}

/** True for a name of what is asked under which lines have labels, too: "topic", "task". */
export function isOfLabel(name: string): boolean {
  return wordsOfLabels.has(wordsOf(name).at(-1)!);
}

/** True for what is known of a line, and is no part of it. */
export function isOfDetails(name: string): boolean {
  return wordsOfDetails.has(wordsOf(name)[0]!);
}

/** True for the name of definitions of tools, which nobody says. */
export function isOfTools(name: string): boolean {
  return wordsOfTools.has(wordsOf(name).at(-1)!);
}

/** True for the name of answers to choose from, which nobody says. */
export function isOfChoices(name: string): boolean {
  return namesOfChoices.has(name.toLowerCase());
}

/** True for a name that only says that its value is a text. */
export function isOfText(name: string): boolean {
  return namesOfText.has(name.toLowerCase());
}

const identifier =
  /(?:^|_)(?:ids?|name|path|error|traceback|stacktrace|stdout|stderr|user_agent|file|url|uri|type|hash|sha256|md5|date|time|timestamp|version|lang|language)$/;

/** True for the name of what names something, and says nothing: "question_id", "modelName". */
export function isOfIdentifier(name: string): boolean {
  return identifier.test(wordsOf(name).join('_'));
}

/** Names of fields that records of a program's log have: what it says is no conversation. */
const namesOfLogs = ['level', 'severity', 'levelname', 'loglevel', 'log_level', 'lvl'] as const;
const namesOfLogTexts = ['msg', 'message', 'event', 'logger', 'caller'] as const;

/** True for a record of a program's log. */
export function isOfLog(line: JsonObject): boolean {
  return (
    namesOfLogs.some((key) => Object.hasOwn(line, key)) &&
    namesOfLogTexts.some((key) => Object.hasOwn(line, key))
  );
}

/**
 * True if the last word of a name is one of these, or the first one, of a text, "userMessage", or if a
 * language follows: "instruction_zh".
 */
function isNamed(words: readonly string[], these: ReadonlySet<string>): boolean {
  const last = words.at(-1)!;
  if (these.has(last) || (wordsOfText.has(last) && these.has(words[0]!))) return true;
  const [name, language] = words.slice(-2);
  return language?.length === 2 && !noLanguages.has(language) && these.has(name!);
}

function isChoosing(word: string): boolean {
  return wordsOfChoosing.has(word) || /^(?:\d{1,3}|[a-k])$/.test(word);
}

function withoutNumber(word: string): string {
  return word.replace(/\d{1,3}$/, '');
}

function singular(word: string): string {
  if (word.length > 4 && word.endsWith('ies')) return `${word.slice(0, -3)}y`;
  return word.length > 3 && word.endsWith('s') ? word.slice(0, -1) : word;
}
