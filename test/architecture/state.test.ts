import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

/**
 * Folders of which a process may have several vaults: all that changes belongs to an object of one of them.
 */
const folders = ['src/storage', 'src/vault'];

const advice =
  'is mutable state of a module: several vaults of one process would share it, and nothing ends it with its vault. ' +
  "Put it into the vault's own object (OpenVault, createVault), or declare it readonly if nothing changes it";

/** State that belongs to the process whatever vaults it serves, and why. */
const ofTheProcess: Readonly<Record<string, string>> = {
  'src/storage/shared/heap.ts: ordinaryPercent': "V8's heap growth is one flag of the process",
  'src/storage/shared/heap.ts: under': "V8's heap growth is one flag of the process",
  'src/vault/write/text-room.ts: room':
    'all vaults share the tokenizer threads that it keeps from overflowing',
  'src/vault/write/splitter.ts: segmenters': 'one instance for each core, without content between two calls',
};

/** Classes whose objects do not change, or have nothing to change. */
const constantClasses = new Set(['TextDecoder', 'TextEncoder', 'RegExp', 'FinalizationRegistry']);
const changingLiterals = new Set(['Map', 'Set', 'WeakMap', 'WeakSet', 'Array']);

/** Returns the names of what can change at the top level of a file, and of static fields. */
function mutableState(name: string, text: string): string[] {
  const file = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const look = (node: ts.Node): void => {
    const isDeclared = ts.canHaveModifiers(node) && hasModifier(node, ts.SyntaxKind.DeclareKeyword);
    if (ts.isVariableStatement(node) && !isDeclared) {
      const isConst = (node.declarationList.flags & ts.NodeFlags.Const) !== 0;
      for (const declaration of node.declarationList.declarations) {
        if (!isConst || mayChange(declaration, file)) found.push(declaration.name.getText(file));
      }
    }
    if (ts.isClassDeclaration(node)) {
      for (const member of node.members.filter(ts.isPropertyDeclaration)) {
        const isStatic = hasModifier(member, ts.SyntaxKind.StaticKeyword);
        if (isStatic && !hasModifier(member, ts.SyntaxKind.ReadonlyKeyword))
          found.push(`${node.name?.text ?? ''}.${member.name.getText(file)}`);
      }
    }
  };
  file.statements.forEach(look);
  return found;
}

function hasModifier(node: ts.HasModifiers, kind: ts.SyntaxKind): boolean {
  return node.modifiers?.some((each) => each.kind === kind) === true;
}

function mayChange({ type, initializer }: ts.VariableDeclaration, file: ts.SourceFile): boolean {
  if (initializer === undefined) return true;
  if (/^(readonly |Readonly)/.test(type?.getText(file) ?? '')) return false;
  if (ts.isArrayLiteralExpression(initializer)) return true;
  if (ts.isCallExpression(initializer)) return allocatesBytes(initializer, file);
  if (!ts.isNewExpression(initializer)) return false;
  const made = initializer.expression.getText(file);
  // Bytes without a length have nothing that could change.
  if (made === 'Uint8Array') return initializer.arguments?.[0]?.getText(file) !== '0';
  return changingLiterals.has(made) || !constantClasses.has(made);
}

function allocatesBytes(call: ts.CallExpression, file: ts.SourceFile): boolean {
  const isAllocated = /^Buffer\.alloc/.test(call.expression.getText(file));
  return isAllocated && call.arguments[0]?.getText(file) !== '0';
}

describe('no state of a vault is outside its own object', () => {
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(root, folder, name)),
  );
  const found = files.flatMap((file) => {
    const path = relative(root, file);
    return mutableState(path, readFileSync(file, 'utf8')).map((name) => `${path}: ${name}`);
  });

  it('in storage and vault', () => {
    const others = found.filter((each) => !(each in ofTheProcess)).map((each) => `${each} ${advice}`);
    expect(others).toEqual([]);
  });

  it('and what belongs to the process is still there', () => {
    expect(Object.keys(ofTheProcess).filter((each) => !found.includes(each))).toEqual([]);
  });

  it.each([
    ['let count = 0;', ['count']],
    ['export let last: number | undefined;', ['last']],
    ['const seen = new Map<string, number>();', ['seen']],
    ['const caches = new WeakMap();', ['caches']],
    ['const waiting: (() => void)[] = [];', ['waiting']],
    ['const slots = new FairSlots({ countMax: 1 });', ['slots']],
    ['const scratch = Buffer.allocUnsafe(64);', ['scratch']],
    ['class A { static last = 0; }', ['A.last']],
    ["const names: ReadonlySet<string> = new Set(['a']);", []],
    ['const NONE: readonly number[] = [];', []],
    ['const noBytes = new Uint8Array(0);', []],
    ['const empty = Buffer.alloc(0);', []],
    ['const limit = 5;', []],
    ['class A { static readonly last = 0; #own = 0; }', []],
    ['function f() { let count = 0; return count; }', []],
  ])('as the test sees it: %s', (text, expected) => {
    expect(mutableState('a.ts', text)).toEqual(expected);
  });
});
