import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { wrongIn } from './support/named.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGES = [
  'CONTRIBUTING.md',
  'docs/architecture.md',
  'docs/find-a-divergence.md',
  'docs/SKILL.md',
  'examples/README.md',
  ...readdirSync(join(ROOT, 'docs/contributing'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/contributing/${name}`),
];

const PACKAGES = readdirSync(join(ROOT, 'packages'))
  .map((name) => `packages/${name}`)
  .filter((folder) => existsSync(join(ROOT, folder, 'README.md')));

/** A README is short: it names a file by its name, wherever it is in its package. */
const foldersOf = (folder: string): string[] => [
  folder,
  ...readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .filter((path) => !path.includes('node_modules')),
];

describe('what the pages say of the code is so, and their links lead somewhere', () => {
  test.each(PAGES)('%s', (page) => {
    const { wrong, checked } = wrongIn(readFileSync(join(ROOT, page), 'utf8'), ROOT, join(ROOT, dirname(page)));
    expect(wrong).toEqual([]);
    expect(checked).toBeGreaterThan(4); // it has looked at something
  });

  test.each(PACKAGES)('%s/README.md', (folder) => {
    const text = readFileSync(join(ROOT, folder, 'README.md'), 'utf8');
    expect(wrongIn(text, ROOT, join(ROOT, folder), foldersOf(folder)).wrong).toEqual([]);
  });

  const tensor = 'packages/dump/src/tensor.ts';
  test.each([
    ['a file that there is not', '`packages/dump/src/tensro.ts`', 'there is no packages/dump/src/tensro.ts'],
    ['a file beside another', `\`${tensor}\` and \`metadta.ts\``, 'there is no metadta.ts'],
    ['a folder', 'all of `packages/dump/src/stages/`', 'there is no packages/dump/src/stages/'],
    ['a name after its file', `\`${tensor}\`, \`Tensro\``, `Tensro is not declared in ${tensor}`],
    ['a name before its file', `a \`Tensro\` (\`${tensor}\`)`, `Tensro is not declared in ${tensor}`],
    ['a name in a table', `| x | \`${tensor}\`: its \`Tensro\` |`, `Tensro is not declared in ${tensor}`],
    ['a member', `\`${tensor}\` \`Tensor.valeus\``, `Tensor.valeus is not declared in ${tensor}`],
    ['an excerpt', `\`\`\`ts ${tensor}\nexport interface Tensro {\n\`\`\``, 'has no line "export interface Tensro {"'],
    ['a link', '[this](docs/architectrue.md)', 'the link to docs/architectrue.md leads nowhere'],
  ])('finds %s', (_, text, what) => {
    const { wrong } = wrongIn(text, ROOT);
    expect(wrong).toHaveLength(1);
    expect(wrong[0]).toContain(what);
  });

  test('accepts what is right', () => {
    const text = [
      `\`${tensor}\` \`Tensor\`, \`Tensor.values\`; \`metadata.ts\`, and a word like \`layer\``,
      `| \`somewhere\` | \`${tensor}\` |`,
      `\`\`\`ts ${tensor}`,
      'export interface Tensor {',
      '…',
      '}',
      '```',
    ].join('\n');
    expect(wrongIn(text, ROOT).wrong).toEqual([]);
  });
});
