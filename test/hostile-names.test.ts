import { readFileSync } from 'node:fs';
import { DumpWriter, type Tensor } from '@llama-probe/dump';
import { XMLValidator } from 'fast-xml-parser';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { complaints } from '../scripts/hostile/complaints.js';
import { HOSTILE_TEXTS } from '../scripts/hostile/names.js';
import { findChromium, openBrowser, openFile } from './support/browser.js';
import { once, path, scratch } from './support/probe.js';
import { probe } from './support/session.js';

/** Everything that does something where it is shown as it is, in one name. */
const ALL = HOSTILE_TEXTS.filter((name) => name.length < 100).join(' ');

/** A dump in which whatever is text is hostile, also where nothing is compared by it. @param spoilt values that are not the others' */
function dump(name: string, names: readonly string[], spoilt: number): string {
  const file = path('names.arrow');
  const writer = new DumpWriter(file);
  const tensor = (stage: string, layer: number | null, order: number): Tensor => ({
    step: 0,
    order,
    layer,
    stage,
    positions: Int32Array.of(0, 1),
    width: 4,
    values: Float32Array.from({ length: 8 }, (_, i) =>
      order === spoilt && i === 1 ? Number.NaN : Math.sin(i + order) + (order > 2 ? spoilt / 1000 : 0),
    ),
  });
  for (const [order, stage] of names.entries()) writer.write(tensor(stage, null, order));
  writer.write(tensor('q_rope', 0, names.length));
  writer.close({
    producer: { name, version: name, backend: name, adapter: name },
    model: { file: name, hash: name, architecture: name, quantization: name, hyperparameters: { [name]: name } },
    tokens: [1, 2],
    prompt: name,
    config: { reference: name, stages: name, layers: name },
    floors: { method: name, margin: 3, minimum: 1e-5, stages: { [name]: [0, 0, 0] } },
  });
  return file;
}

const AT = HOSTILE_TEXTS.findIndex((name) => name.includes('pwned'));
const pair = once(async () => [dump(ALL, HOSTILE_TEXTS, AT), dump(ALL, HOSTILE_TEXTS, 0)] as const);
const huge = once(async () => {
  const name = 'x'.repeat(5e5); // more than a command may say in all
  return [dump(name, [name, 'embd'], 5), dump(name, [name, 'embd'], 0)] as const;
});

/** Whatever prints names, and the exit codes that it has here. */
const COMMANDS: readonly [string, (mine: string, theirs: string) => string[]][] = [
  ['diff', (mine, theirs) => ['diff', mine, theirs]],
  ['diff --strict', (mine, theirs) => ['diff', mine, theirs, '--strict']],
  ['diff --json', (mine, theirs) => ['diff', mine, theirs, '--json']],
  ['diff --markdown', (mine, theirs) => ['diff', mine, theirs, '--markdown', '-']],
  ['diff --junit', (mine, theirs) => ['diff', mine, theirs, '--junit', '-']],
  ['diff --csv', (mine, theirs) => ['diff', mine, theirs, '--csv', '-']],
  ['diff --html', (mine, theirs) => ['diff', mine, theirs, '--html', '-']],
  ['diff --github', (mine, theirs) => ['diff', mine, theirs, '--github']],
  ['inspect', (mine) => ['inspect', mine, '--values', '2']],
  ['inspect --json', (mine) => ['inspect', mine, '--json']],
  ['inspect of a stage that is not there', (mine) => ['inspect', mine, '--stage', 'none']],
  ['check', (mine) => ['check', mine]],
  ['check --json', (mine) => ['check', mine, '--json']],
];

describe('names and texts of a dump that would do something where they are shown', () => {
  test.each(COMMANDS)('%s: are shown, and do nothing', async (what, args) => {
    const command = args(...(await pair()));
    const ended = await probe(command);
    expect(complaints(ended, command)).toEqual([]);
    expect(ended.code).toBe(
      command[0] === 'inspect' && !command.includes('none') ? 0 : command.includes('none') ? 2 : 1,
    );
    expect(ended.stdout + ended.stderr).toContain('pwned'); // as text
    if (/html|markdown|junit/.test(what)) expect(ended.stdout).not.toMatch(/<script>globalThis|<img src=x/); // nor as markup
  });

  test('JUnit is XML, and its names end nothing', async () => {
    const [mine, theirs] = await pair();
    const { stdout } = await probe(['diff', mine, theirs, '--junit', '-']);
    expect(XMLValidator.validate(stdout)).toBe(true);
    expect(stdout).not.toContain('<x/>');
  });

  test.each(COMMANDS.filter(([name]) => !/json|csv|html/.test(name)))(
    '%s: a name of half a megabyte is cut',
    async (_, args) => {
      const command = args(...(await huge()));
      const ended = await probe(command);
      expect(complaints(ended, command)).toEqual([]);
    },
  );
});

const CHROMIUM = findChromium();
describe.skipIf(!CHROMIUM)('the page of such a comparison', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser(CHROMIUM as string);
  });
  afterAll(() => browser?.close());

  test('runs no script of theirs, loads nothing, and shows their names', async () => {
    const file = `${scratch}/names.html`;
    const [mine, theirs] = await pair();
    await probe(['diff', mine, theirs, '--html', file]);
    expect(readFileSync(file, 'utf8')).toContain('pwned');
    const { page, complaints: said } = await openFile(browser, file);
    const found = await page.evaluate(() => ({
      pwned: 'pwned' in globalThis,
      images: document.querySelectorAll('img').length,
      scripts: document.querySelectorAll('script').length,
      text: document.body.innerText,
    }));
    expect(said).toEqual([]);
    expect(found).toMatchObject({ pwned: false, images: 0, text: expect.stringContaining('</script>') });
    expect(found.scripts).toBe(2); // the page's own, and its data
    await page.close();
  });
});
