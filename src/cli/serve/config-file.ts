import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';
import { describeFileError } from '../errors.js';
import { UsageError } from '../context.js';
import { type Setting, type SettingName, settings } from './options.js';

/** Fault of a config file. */
export interface ConfigProblem {
  /** First line is 1; absent if the file as a whole is meant. */
  readonly line?: number | undefined;
  readonly key?: string | undefined;
  readonly message: string;
}

/** Settings of a file in YAML or JSON, which is YAML too. */
export interface ConfigFile {
  readonly file: string;
  /** Values that their schemas accept, as they are written. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly lines: Readonly<Record<string, number>>;
  readonly problems: readonly ConfigProblem[];
}

const names = Object.keys(settings) as SettingName[];

const require = createRequire(import.meta.url);

/** Loads the parser on first use: that takes as long as a short command, and few servers have such a file. */
const yaml = () => require('yaml') as typeof Yaml;

/** Reads a config file, and finds everything that is wrong in it. @throws UsageError if it cannot be read */
export function readConfigFile(file: string): ConfigFile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { message } = error as Error;
    throw new UsageError(`${file}: ${describeFileError(error as Error, file) ?? message}`);
  }
  const { isMap, isScalar, LineCounter, parseDocument } = yaml();
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const lineAt = (offset: number | undefined) =>
    offset === undefined ? undefined : lineCounter.linePos(offset).line;
  const values: Record<string, unknown> = {};
  const lines: Record<string, number> = {};
  const found = { file, values, lines };
  if (document.errors.length > 0) {
    const problems = document.errors.map(({ pos, message }) => ({ line: lineAt(pos[0]), message }));
    return { ...found, problems };
  }
  if (document.contents === null) return { ...found, problems: [] };
  if (!isMap(document.contents))
    return { ...found, problems: [{ message: 'it must be settings with their values, name: value' }] };
  const problems: ConfigProblem[] = [];
  for (const { key, value } of document.contents.items) {
    const name = isScalar(key) ? String(key.value) : String(key);
    const line = lineAt((key as Yaml.Node).range?.[0]);
    const wrong = (message: string): void => void problems.push({ line, key: name, message });
    if (!isSettingName(name)) {
      wrong(unknownSetting(name));
      continue;
    }
    const content = (settings[name] as Setting).many ? valuesOf(value) : valueOf(value);
    if (typeof content === 'object' && 'problem' in content) {
      wrong(content.problem);
      continue;
    }
    const result = settings[name].schema.safeParse(content);
    if (!result.success) wrong(result.error.issues[0]!.message);
    values[name] = content;
    lines[name] = line ?? 1;
  }
  return { ...found, problems };
}

/** Writes a problem as "FILE:LINE: KEY: MESSAGE", with the parts that there are. */
export function describeProblem(file: string, { line, key, message }: ConfigProblem): string {
  return [line === undefined ? file : `${file}:${line}`, key, message]
    .filter((part) => part !== undefined)
    .join(': ');
}

function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settings, name);
}

/**
 * Returns a value as an environment variable would have it: numbers as they are written, so that the version
 * 1.3 is not taken for a quantity.
 */
function valueOf(value: unknown): string | boolean | { readonly problem: string } {
  const { isAlias, isScalar } = yaml();
  if (isAlias(value)) return { problem: 'aliases are not taken: write the value' };
  if (value !== null && !isScalar(value)) return { problem: 'it has one value, not a list or a map' };
  const content = value?.value;
  if (typeof content === 'boolean' || typeof content === 'string') return content;
  if (typeof content === 'number' || typeof content === 'bigint') return value?.source ?? String(content);
  return { problem: 'it has no value' };
}

/** Returns the values of a list, or a value alone. */
function valuesOf(value: unknown): ReturnType<typeof valueOf> | ReturnType<typeof valueOf>[] {
  if (!yaml().isSeq(value)) return valueOf(value);
  const values = value.items.map(valueOf);
  return values.find((each) => typeof each === 'object') ?? values;
}

function unknownSetting(name: string): string {
  const near = names.find((known) => plain(known) === plain(name));
  return near === undefined
    ? `there is no such setting; there are ${names.join(', ')}`
    : `there is no such setting; it is called ${near}`;
}

/** Returns a name without what is easily confused: dashes of --flags, STOWKEN_ of variables, capitals. */
function plain(name: string): string {
  return name
    .toLowerCase()
    .replace(/^stowken_/, '')
    .replace(/[-_ ]/g, '');
}
