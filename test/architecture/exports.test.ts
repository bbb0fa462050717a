import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

/** Modules that are loaded by path: by Node, vitest, a pool of threads, or users of the client's package. */
const loadedByPath = [
  'src/main.ts',
  'src/client/index.ts',
  'src/codec/rewrite-worker.ts',
  'src/codec/trainer-worker.ts',
  'src/text/worker.ts',
  'src/vault/search/worker.ts',
  'src/text/chat/render-worker.ts',
  'test/support/build.ts',
  'test/support/postgres.ts',
];

const filesIn = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(tsx?|mjs)$/.test(file))
    .map((file) => join(folder, file));

const sources = ['src', 'bench', 'test'].flatMap(filesIn).filter((file) => !file.includes('/generated/'));
const users = [...sources, ...['examples', 'tokenizers'].flatMap(filesIn), 'build.mjs'];

const parsed = new Map(
  users.map((file) => [
    file,
    ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.Latest, true),
  ]),
);

/** Returns the source that a relative import means. */
function targetOf(file: string, specifier: string): string {
  const path = join(dirname(file), specifier).replace(/^build\//, '');
  return (
    [path.replace(/\.js$/, '.ts'), path.replace(/\.js$/, '.tsx')].find((each) => parsed.has(each)) ?? path
  );
}

/** Names that each source has others import: `file name`; `file *` if all of them may be used. */
const imported = new Set<string>();
for (const [file, source] of parsed) {
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
      if (node.moduleSpecifier === undefined || !ts.isStringLiteral(node.moduleSpecifier)) return;
      const target = targetOf(file, node.moduleSpecifier.text);
      const bindings = ts.isImportDeclaration(node) ? node.importClause?.namedBindings : node.exportClause;
      if (bindings && (ts.isNamedImports(bindings) || ts.isNamedExports(bindings)))
        for (const { name, propertyName } of bindings.elements)
          imported.add(`${target} ${(propertyName ?? name).text}`);
      else imported.add(`${target} *`);
      return;
    }
    const isImportCall = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;
    const [argument] = isImportCall ? node.arguments : [];
    if (argument && ts.isStringLiteral(argument)) imported.add(`${targetOf(file, argument.text)} *`);
    ts.forEachChild(node, visit);
  };
  visit(source);
}

/** Names of the values that a source exports: its own, and those that it passes on. */
function valuesOf(source: ts.SourceFile): string[] {
  return source.statements.flatMap((node) => {
    if (ts.isExportDeclaration(node)) {
      if (node.isTypeOnly || !node.exportClause || !ts.isNamedExports(node.exportClause)) return [];
      return node.exportClause.elements.filter((each) => !each.isTypeOnly).map(({ name }) => name.text);
    }
    const isExported =
      ts.canHaveModifiers(node) &&
      ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true;
    if (!isExported) return [];
    if (ts.isVariableStatement(node))
      return node.declarationList.declarations.flatMap(({ name }) =>
        ts.isIdentifier(name) ? [name.text] : name.elements.map((element) => element.getText(source)),
      );
    return ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node)
      ? [node.name?.text ?? 'default']
      : [];
  });
}

describe('exports', () => {
  it('are imported somewhere: what only one file uses is its own', () => {
    const unused = sources
      .filter((file) => !loadedByPath.includes(file) && !imported.has(`${file} *`))
      .flatMap((file) =>
        valuesOf(parsed.get(file)!)
          .filter((name) => !imported.has(`${file} ${name}`))
          .map((name) => `${file}: ${name}`),
      );
    expect(unused).toEqual([]);
  });

  it('has modules that are loaded by path', () => {
    expect(loadedByPath.filter((file) => !parsed.has(file))).toEqual([]);
  });
});
