/// <reference lib="dom" />
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { inShort, isLong } from '@llama-probe/testing';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { encode } from '../packages/comparison/src/ask.js';
import { outcomeOf } from '../packages/comparison/src/outcome.js';
import type { Report } from '../packages/comparison/src/report.js';
import { writeTinyModel } from '../packages/reference/test/support/tiny-model.js';
import { html } from '../packages/report/src/page/html.js';
import { closeOwn, findChromium, openBrowser, openFile } from './support/browser.js';
import { type Ended, path } from './support/probe.js';
import { probe, probeJson } from './support/session.js';
import { brokenShaders } from './support/shaders.js';

const CHROMIUM = findChromium();
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PROMPT = ['compare', '--prompt', 'What is 2 plus 3?', '--no-tui'];
const SICK = [...PROMPT, '--steps', '2'];
/** Of the longest report. What is left out of it where there is no room: packages/report/test/page.test.ts. */
const DEEP_TOKENS = 64;
/** A smaller page: axe looks at every element. */
const FEW = [
  ...PROMPT,
  '--steps',
  '1',
  '--layers',
  '0-2',
  '--stages',
  'q_proj,q_rope,k_proj,k_rope,kq,kq_soft_max,result_output',
];

/** What axe finds in the page or in parts of it, in short; colours too. @param rules only these, unless none are named */
async function violations(page: Page, parts: string[] = [], rules: string[] = []): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(AXE);
  return page.evaluate(
    async ([parts, rules]) => {
      const { axe } = globalThis as unknown as { axe: typeof import('axe-core') };
      const { violations } = await axe.run(parts.length > 0 ? { include: parts } : document, {
        resultTypes: ['violations'], // to name what is right takes time too
        preload: false, // there are no style sheets from elsewhere
        ...(rules.length > 0 && { runOnly: rules }),
      });
      return violations.flatMap(({ id, nodes }) =>
        nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`),
      );
    },
    [parts, rules] as const,
  );
}

/** The signs whose contrast with what is under them is too low: axe judges letters only. */
const faintSigns = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const luminance = (color: string) => {
      const [r = 0, g = 0, b = 0] = (color.match(/[\d.]+/g) ?? []).map((part) => {
        const c = Number(part) / 255;
        return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    return [...document.querySelectorAll('.sign, [data-cell]')].flatMap((one) => {
      const { color, backgroundColor } = getComputedStyle(one);
      const [a, b] = [luminance(color), luminance(backgroundColor)];
      const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      return contrast >= 4.5 ? [] : [`${one.className}: ${color} on ${backgroundColor}, ${contrast.toFixed(1)}`];
    });
  });

const cell = (page: Page, name: RegExp) => page.getByRole('gridcell', { name });
const heading = (page: Page) => page.locator('#stage').innerText();

const title = CHROMIUM
  ? 'the report page in Chromium'
  : 'the report page (skipped: no Chromium; apt install chromium, or name one in LLAMA_PROBE_CHROMIUM)';

describe.skipIf(!CHROMIUM)(title, () => {
  let browser: Browser;
  const [sick, fewSick, healthy, freeOnly, several] = ['sick', 'few', 'healthy', 'free', 'several'].map((name) =>
    path(`${name}.html`),
  ) as [string, string, string, string, string];

  /** The largest report. */
  const deep = path('deep.html');
  function makeDeep(): Promise<Ended> {
    const model = path('deep.gguf');
    writeTinyModel(model, { layers: 32, embd: 128, heads: 32, kvHeads: 8, ff: 192 });
    const tokens = [1, ...Array.from({ length: DEEP_TOKENS - 1 }, (_, i) => 3 + ((i * 7) % 20))].join();
    const run = ['compare', '--model', model, '--tokens', tokens, '--steps', '1', '--no-floors', '--no-tui'];
    return probe([...run, '--inject', 'rope-halves', '--html', deep]);
  }
  let sickJson: Report;

  beforeAll(async () => {
    const [opened, { json }, few, { json: well }, free] = await Promise.all([
      openBrowser(CHROMIUM as string),
      probeJson([...SICK, '--inject', 'rope-halves', '--html', sick]),
      probe([...FEW, '--inject', 'rope-halves', '--html', fewSick]),
      probeJson([...FEW, '--html', healthy]),
      probe([...FEW, '--inject', 'rope-halves@2', '--no-teacher-forced', '--html', freeOnly]),
    ]);
    browser = opened;
    sickJson = json;
    expect([json.verdict, well.verdict, few.code, free.code], free.stderr).toEqual(['diverged', 'agree', 1, 1]);
    const notes = [
      { level: 'error', text: 'worse than the baseline', at: { step: 0, layer: 1, stage: 'k_rope' } },
    ] as const;
    const untold = {
      ...json,
      verdict: 'incomparable',
      reason: 'Other tokens.',
      stages: [],
      first: null,
      faults: null,
    } as const;
    writeFileSync(
      several,
      html([
        { ...outcomeOf(well), name: 'healthy' },
        { ...outcomeOf(json), name: 'sick', notes },
        { ...outcomeOf(untold), name: 'untold' },
      ]),
    );
  }, 180_000);
  afterEach(async () => {
    await closeOwn(browser);
  });
  afterAll(() => browser?.close());

  test('a sick run: the verdict, where it begins, and the bug', async () => {
    const { page, complaints } = await openFile(browser, sick);
    await expect(page.getByRole('heading', { level: 1 }).innerText()).resolves.toContain(
      'RoPE turns the halves of a head, not neighbours: q_rope and k_rope, layers 0 to 3',
    );
    const verdict = await page.locator('section.verdict').innerText();
    expect(verdict).toContain('q_rope of layer 0 is the first stage that is wrong');
    expect(verdict.match(/RoPE turns the halves of a head, not neighbours/g)).toHaveLength(1);
    for (const width of [1440, 390]) {
      await page.setViewportSize({ width, height: 800 });
      const seen = await page
        .locator('h1, .culprit p')
        .evaluateAll((all) =>
          all.filter((one) => one.getBoundingClientRect().bottom <= 800).map((one) => one.textContent),
        );
      const said = seen.join('\n');
      for (const part of [
        /q_rope and k_rope/,
        /layers 0 to 3/,
        /RoPE turns/,
        /rotation kernel/,
        /How sure: confirmed/,
      ]) {
        expect(said, `at ${width}`).toMatch(part);
      }
    }
    expect(await page.title()).toContain('smalltalk-4M-F16.gguf');
    expect(await page.locator('section:has(#output)').innerText()).toContain('llama.cpp');
    expect(await page.locator('section:has(#provenance)').innerText()).toMatch(/rope-halves[\s\S]*10 × the floor/);
    expect(complaints).toEqual([]);
  });

  test('the heat map: a cell for each stage, named and marked by what it is', async () => {
    const { page } = await openFile(browser, sick);
    const states = await page
      .locator('[data-cell]')
      .evaluateAll((cells) => cells.map((one) => [one.getAttribute('data-state'), one.textContent]));
    expect(states).toHaveLength(4 * 19 + 4);
    expect(states.filter(([state]) => state === 'fault')).toEqual(new Array(8).fill(['fault', '✗']));
    expect(new Set(states.map(([state]) => state))).toEqual(new Set(['agree', 'inherited', 'fault']));
    const first = cell(
      page,
      /^q_rope, layer 0: first wrong stage, fault of its own, 8\.\de-1, 8\d,000 times the limit$/,
    );
    expect(await first.count()).toBe(1);
    expect(await cell(page, /^q_proj, layer 0: agrees/).count()).toBe(1);
    expect(await cell(page, /^l_out, layer 3: inherits an error/).count()).toBe(1);

    await page.getByRole('radio', { name: "from llama.cpp's inputs" }).check();
    expect(await cell(page, /^q_rope, layer 0: .*fault/).count()).toBe(1);
    expect(await cell(page, /^l_out, layer 3: agrees, \d/).count()).toBe(1);
    await page.getByRole('radio', { name: /^2\s*, worst: fault/ }).check();
    expect(await cell(page, /^k_rope, layer 1, step 2: fault/).count()).toBe(1);
  });

  test('without a run from the reference’s inputs, what diverged is over its limit', async () => {
    const { page, complaints } = await openFile(browser, freeOnly);
    expect(await page.getByRole('radio', { name: "from llama.cpp's inputs" }).count()).toBe(0);
    const over = page.locator('[data-state=over]');
    expect(await over.count()).toBeGreaterThan(3);
    expect(await cell(page, /^q_rope, layer 2: first wrong stage, over its limit/).count()).toBe(1);
    expect(await page.locator('[data-state=fault], [data-state=inherited]').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test('keys: arrows move, Enter opens, Escape comes back, one tab stop', async () => {
    const { page } = await openFile(browser, sick);
    expect(await page.locator('[data-cell][tabindex="0"]').count()).toBe(1);
    await cell(page, /^q_rope, layer 0:/).focus();
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label')?.split(':')[0]);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    expect(await focused()).toBe('v_proj, layer 1');
    await page.keyboard.press('End');
    expect(await focused()).toBe('v_proj, layer 3');
    await page.keyboard.press('PageDown');
    expect(await focused()).toBe('result_output');
    await page.keyboard.press('PageUp');
    expect(await focused()).toBe('embd');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement?.id === 'stage');
    expect(await heading(page)).toMatch(/attn_rms\s+layer 1/);
    expect(page.url()).toMatch(/#layer-1-attn_rms$/);
    await page.keyboard.press('Escape');
    expect(await focused()).toBe('attn_rms, layer 1');
    await page.goBack();
    expect(await heading(page)).toMatch(/q_rope\s+layer 0/);
  });

  test('drilled down: metrics, plots with names, heads, worst positions and values', async () => {
    const { page, complaints } = await openFile(browser, sick, { hash: '#layer-2-k_rope&pass=blame' });
    expect(await heading(page)).toMatch(/k_rope\s+layer 2\s+prompt/);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('stage'); // a link leads there
    const panel = page.locator('section.panel');
    await panel.locator('.drawing svg').nth(5).waitFor();
    const plots = await panel.getByRole('img').evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')));
    expect(plots).toHaveLength(6);
    expect(plots.join('\n')).toMatch(/k_rope by depth: .*4 of 4 are over their limit/);
    expect(plots.join('\n')).toMatch(/Delta of each token's row: 8 of 9 over/);
    expect(plots.join('\n')).toMatch(/4 heads of 4 over/);
    const worst = panel.getByRole('group', { name: 'The worst values' });
    expect(await worst.locator('tbody tr').count()).toBe(16);
    // Side by side: what the table calls the delta is the difference of its two columns.
    const values = panel.getByRole('group', { name: /^Token 1, head/ });
    const rows = await values.locator('tbody tr').allInnerTexts();
    expect(rows).toHaveLength(32);
    for (const row of rows) {
      const [, ours, theirs, delta] = row.replace('✗', '').split(/\s+/).map(Number) as [number, number, number, number];
      expect(Math.abs(ours - theirs - delta)).toBeLessThanOrEqual(0.051 * Math.abs(delta) + 2e-6);
    }
    await panel
      .getByRole('radio', { name: 'token 8' })
      .or(panel.getByRole('radio', { name: /^token/ }).nth(1))
      .first()
      .check();
    expect(await panel.getByRole('button', { name: 'next fault' }).count()).toBe(1);
    await panel.getByRole('button', { name: 'next fault' }).click();
    expect(await heading(page)).toMatch(/q_rope\s+layer 3/);
    await panel.getByRole('button', { name: /^q_proj/ }).click();
    expect(await heading(page)).toMatch(/q_proj\s+layer 3/);
    expect(complaints).toEqual([]);
  });

  test('from the reference’s inputs: its own numbers and no others, and where there are none that is said', async () => {
    const { page } = await openFile(browser, sick, { hash: '#stage=0/1/q_proj&pass=blame' });
    const panel = page.locator('section.panel');
    const facts = async () =>
      Object.fromEntries(
        await panel
          .locator('dl.facts > div')
          .evaluateAll((all) => all.map((one) => [...one.children].map((part) => part.textContent))),
      ) as Record<string, string>;
    const told = (await cell(page, /^q_proj, layer 1:/).getAttribute('aria-label')) ?? '';
    expect(told).toMatch(/: agrees, \d\.\de-[78], 0\.\d+ times the limit$/);
    const [, local, share] = /agrees, (\S+), (\S+) times/.exec(told) ?? [];
    expect(await facts()).toEqual({ 'local delta': local, limit: '1e-5', 'of the limit': `${share} ×` });
    expect(await panel.innerText()).not.toMatch(/Inherits|Where:|Why:/);
    expect(await panel.locator('.note').innerText()).toMatch(/^What follows is from the free run, not.*agrees/);
    // A fault has more, and what is known of its values is of the same run.
    await page.evaluate(() => {
      location.hash = '#stage=0/1/q_rope&pass=blame';
    });
    await panel.locator('h2', { hasText: 'q_rope' }).waitFor();
    const fault = await facts();
    expect(Object.keys(fault)).toEqual([
      'local delta',
      'limit',
      'of the limit',
      'reference RMS',
      'largest delta',
      'at token, index',
      'shape',
    ]);
    const [token, index, ...rest] = await panel
      .getByRole('group', { name: 'The worst values' })
      .locator('tbody tr')
      .first()
      .locator('td')
      .allInnerTexts();
    expect(fault['at token, index']).toBe(`${token}, ${index}`);
    expect(Math.abs(Number(rest.at(-1)))).toBe(Number(fault['largest delta']));
    expect(await panel.locator('.note').count()).toBe(0);
    // The free run: what it inherits, and from where.
    await page.evaluate(() => {
      location.hash = '#stage=0/1/q_proj';
    });
    await panel.locator('p', { hasText: 'Inherits from' }).waitFor();
    expect(await facts()).toMatchObject({ 'relative delta': expect.stringMatching(/e-1$/), 'local delta': local });
  });

  test('the first screen: the first wrong stage is told once, and tables show whole rows', async () => {
    const { page } = await openFile(browser, sick);
    const said = async (selector: string) => (await page.locator(selector).innerText()).match(/Where:|Where to look:/g);
    expect(await said('section.verdict')).toEqual(['Where to look:', 'Where:']);
    expect(await said('section.panel')).toBeNull();
    await page.getByRole('button', { name: 'next fault' }).click();
    expect(await said('section.panel')).toEqual(['Where:', 'Where to look:']);
    const cut = await page.locator('.tall').evaluateAll((all) =>
      all.flatMap((box) => {
        const rows = [...box.querySelectorAll('tr')].map((row) => row.getBoundingClientRect());
        const end = box.getBoundingClientRect().top + box.clientHeight;
        return rows.filter(({ top, bottom }) => top < end - 1.5 && bottom > end + 1.5).map(() => box.ariaLabel);
      }),
    );
    expect(cut).toEqual([]);
  });

  test('a healthy run shows what is nearest to its limit', async () => {
    const { page, complaints } = await openFile(browser, healthy);
    await expect(page.getByRole('heading', { level: 1 }).innerText()).resolves.toContain('The sides agree');
    expect(await page.locator('[data-cell]:not([data-state=agree], [data-state=near])').count()).toBe(0);
    const shown = await page.locator('[data-cell][aria-selected=true]').getAttribute('aria-label');
    const named = /the closest to its limit is (\w+)/.exec(await page.locator('section.verdict').innerText());
    expect(shown).toContain(named?.[1]);
    expect(complaints).toEqual([]);
  });

  test('NaN: said, drawn, and never shown as if it were nothing', async () => {
    const out = path('nan.html');
    // A root of what may be negative: right rows for small values, NaN for large ones.
    const before = '1.0 / sqrt(partial[0] / f32(width) + epsilon)';
    const shaders = brokenShaders([{ file: 'rms_norm.wgsl', before, after: 'sqrt(1.9 - partial[0] / f32(width))' }]);
    const few = [...PROMPT, '--steps', '1', '--no-floors', '--layers', '2,3', '--stages', 'attn_rms,attn_norm'];
    const { code } = await probe([...few, '--html', out], { env: { LLAMA_PROBE_SHADERS: shaders } });
    expect(code).toBe(1);
    const { page, complaints } = await openFile(browser, out, { hash: '#stage=0/3/attn_rms&pass=blame' });
    expect(await cell(page, /^attn_rms, layer 3: fault of its own, not finite$/).count()).toBe(1);
    const panel = page.locator('section.panel');
    expect(await panel.innerText()).toMatch(/they are NaN[\s\S]*local delta\s+NaN[\s\S]*not finite on one side\s+2304/);
    await panel.locator('.drawing svg').nth(3).waitFor();
    expect(await panel.getByRole('group', { name: 'The worst values' }).innerText()).toContain('NaN');
    expect(complaints).toEqual([]);
  });

  test('several runs, as a gate has them: a list, and each of them in full', async () => {
    const { page, complaints } = await openFile(browser, several);
    await page.getByRole('heading', { name: '3 runs, 2 of them do not agree' }).waitFor();
    await expect(page.getByRole('heading', { level: 1 }).innerText()).resolves.toContain('The sides agree');
    await page.getByRole('button', { name: 'sick' }).click();
    await expect(page.getByRole('heading', { level: 1 }).innerText()).resolves.toContain(
      'RoPE turns the halves of a head',
    );
    expect(await heading(page)).toMatch(/q_rope\s+layer 0/);
    await page
      .locator('.notes')
      .getByRole('button', { name: /^k_rope, layer 1/ })
      .click();
    expect(await heading(page)).toMatch(/k_rope\s+layer 1/);
    expect(page.url()).toMatch(/#run=2&layer-1-k_rope$/);
    // Read from JSON: what only the run itself has seen is not there, and the page says so.
    expect(await page.locator('section.panel').innerText()).toContain('Nothing is known here of single tokens');
    await page.getByRole('button', { name: 'untold' }).click();
    await expect(page.getByRole('heading', { level: 1 }).innerText()).resolves.toContain('It could not be told');
    expect(await page.locator('.heat [data-cell]').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test('the map of several runs: the worst of each in each layer or stage, by mouse and by keys', async () => {
    const { page, complaints } = await openFile(browser, several);
    const map = page.getByRole('grid', { name: 'Runs × layers' });
    const columns = await map.getByRole('columnheader').allInnerTexts();
    expect(columns.map((name) => name.replace('\n', ' '))).toEqual([
      'run',
      ...[...'0123'].map((layer) => `layer ${layer}`),
      'model',
    ]);
    const row = (name: string) =>
      page.locator('.run-map tbody tr').filter({ has: page.getByRole('rowheader', { name }) });
    // Three of the healthy run's layers were compared, and nothing of the one that could not be told.
    expect(await row('healthy').locator('[data-cell]').count()).toBe(4);
    expect(await row('untold').locator('[data-cell]').count()).toBe(0);
    await row('sick')
      .getByRole('gridcell', { name: /^[qk]_rope, layer 1.*: fault of its own/ })
      .click();
    expect(await heading(page)).toMatch(/[qk]_rope\s+layer 1/);
    expect(page.url()).toMatch(/#run=2&(?:step-\d+-)?layer-1-[qk]_rope$/);

    await page.getByRole('radio', { name: 'stages' }).check({ force: true });
    await row('healthy').locator('[data-cell]').first().focus();
    await page.keyboard.press('ArrowDown');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toMatch(/^embd|^q_proj/);
    await page.keyboard.press('Enter');
    expect(page.url()).toMatch(/#run=2&/);
    expect(complaints).toEqual([]);
  });

  test('before and after: whether it is fixed, what got worse, and a way to each stage', async () => {
    const [before, after, out] = ['before.json', 'after.json', 'fix.html'].map((name) => path(name)) as [
      string,
      string,
      string,
    ];
    const { json } = await probeJson([...SICK, '--inject', 'gqa-tiled@2']);
    writeFileSync(before, encode({ ...sickJson, kind: 'comparison' }));
    writeFileSync(after, encode(json));
    const { code, stdout } = await probe(['changes', before, after, '--html', out]);
    expect([code, stdout.split('\n')[0]]).toEqual([1, '✗ Still wrong: better in places, worse in others']);
    const { page, complaints } = await openFile(browser, out);
    const told = page.locator('section.changes');
    expect(await told.innerText()).toMatch(
      /better in places[\s\S]*6 stages got worse\.[\s\S]*before[\s\S]*RoPE turns[\s\S]*after[\s\S]*KV heads are tiled/,
    );
    const changed = (letter: string) => told.locator(`[data-change=${letter}]`);
    expect(
      await changed('w').evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')?.split(':')[0])),
    ).toEqual([expect.stringMatching(/^kq, layer 2/), expect.stringMatching(/^kqv_out, layer 2/)]);
    expect(await changed('b').count()).toBeGreaterThan(30);
    expect(await told.getByRole('gridcell', { name: /^q_rope, layer 0.*: better than before, agrees/ }).count()).toBe(
      1,
    );
    expect(await faintSigns(page)).toEqual([]);
    expect(await violations(page, ['.changes'])).toEqual([]);

    await changed('w').first().focus();
    await page.keyboard.press('Enter');
    expect(await heading(page)).toMatch(/kq\s+layer 2/);
    await told.getByRole('button', { name: 'before' }).click();
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toContain('RoPE turns');
    expect(complaints).toEqual([]);
  });

  test('axe finds nothing, light and dark, at first and drilled down', async () => {
    const cases: readonly (readonly [file: string, ...hashes: string[]])[] = [
      [fewSick, '', ...inShort(['#stage=1/2/q_rope&pass=blame', '#stage=0/1/kq_soft_max'], 1)],
      [healthy, '#stage=0/2/kq'],
      [several, ...inShort(['#run=3', '#run=2'], 1)],
      ...inShort([[freeOnly, ''] as const, [sick, ''] as const], 0),
    ];
    for (const [i, [file, ...hashes]] of cases.entries()) {
      const colorScheme = i % 2 ? 'light' : 'dark';
      const { page } = await openFile(browser, file, { colorScheme });
      for (const [n, hash] of hashes.entries()) {
        await page.evaluate((to) => {
          location.hash = to;
        }, hash);
        const stage = /\d\/(\w+)/.exec(hash)?.[1];
        if (stage) await page.locator('#stage', { hasText: stage }).waitFor();
        if (hash === '#run=3') await page.getByRole('heading', { name: 'It could not be told' }).waitFor();
        else await page.waitForSelector('.drawing svg');
        await page.evaluate(() => {
          for (const details of document.querySelectorAll('details')) details.open = true;
        });
        // Another stage changes these parts only.
        const parts = n > 0 && stage ? ['.explore', 'section:has(#whole)'] : [];
        const state = `${file}${hash}`;
        expect(await faintSigns(page), `${state}, ${colorScheme}`).toEqual([]);
        expect(await violations(page, parts), `${state}, ${colorScheme}`).toEqual([]);
        if (file !== fewSick) continue;
        // The other scheme has other colours, and nothing else.
        await page.emulateMedia({ colorScheme: 'light' });
        expect(await faintSigns(page), `${state}, light`).toEqual([]);
        expect(await violations(page, parts, ['color-contrast']), `${state}, light`).toEqual([]);
        await page.emulateMedia({ colorScheme });
      }
    }
  }, 180_000);

  test('dark as the system is, or as the button says', async () => {
    const ground = (page: Page) => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const { page } = await openFile(browser, freeOnly, { colorScheme: 'dark' });
    const dark = await ground(page);
    await page.emulateMedia({ colorScheme: 'light' });
    expect(await ground(page)).not.toBe(dark);
    const button = page.getByRole('button', { name: 'Theme: automatic' });
    await button.click();
    await page.getByRole('button', { name: 'Theme: light' }).click();
    await page.getByRole('button', { name: 'Theme: dark' }).waitFor();
    expect(await ground(page)).toBe(dark);
  });

  test('on paper: light, colours kept, no controls, nothing cut off', async () => {
    const { page } = await openFile(browser, sick, { colorScheme: 'dark' });
    await page.emulateMedia({ media: 'print' });
    const found = await page.evaluate(() => ({
      ink: getComputedStyle(document.body).color,
      cell: getComputedStyle(document.querySelector('[data-state=fault]') as Element).printColorAdjust,
      controls: [...document.querySelectorAll<HTMLElement>('fieldset, nav, .theme, .numbers summary')].filter(
        (one) => one.offsetParent !== null,
      ).length,
    }));
    expect(found).toEqual({ ink: 'rgb(20, 24, 29)', cell: 'exact', controls: 0 });
    // A sheet without its margins; more layers than any model of its kind has.
    await page.setViewportSize({ width: 703, height: 1000 });
    const wide = await page.evaluate(() => {
      const rows = [...document.querySelectorAll('.map tr')];
      for (const row of rows) for (let i = 4; i < 126; i++) row.append(row.lastElementChild?.cloneNode(true) ?? '');
      document.querySelector<HTMLElement>('.map table')?.style.setProperty('--layers', '126');
      return document.documentElement.scrollWidth;
    });
    expect(wide).toBeLessThanOrEqual(703);
    // What was tried is there once: with the first wrong stage, and not again with its fault.
    const tried = await page
      .locator('.cause details tbody')
      .evaluateAll((all) => all.map((one) => one.checkVisibility()));
    expect(tried.slice(0, 2)).toEqual([true, false]);
  });

  test('the table of all stages: what inherits is folded, opens, and is whole on paper', async () => {
    const { page } = await openFile(browser, sick);
    const whole = page.locator('section:has(#whole)');
    await whole.getByText('Numbers').click();
    const rows = whole.getByRole('row', { name: /^attn_out, layer 0/ });
    const fold = whole.getByRole('button', { name: '↳ 15 stages inherit from k_rope, layer 0' });
    expect([await rows.count(), await fold.getAttribute('aria-expanded')]).toEqual([0, 'false']);
    expect(await whole.getByRole('row', { name: /^k_rope, layer 0/ }).count()).toBe(1);
    await page.emulateMedia({ media: 'print' });
    expect(await rows.count()).toBe(1);
    await page.emulateMedia({ media: 'screen' });
    await fold.press('Enter');
    expect([await rows.count(), await fold.getAttribute('aria-expanded')]).toEqual([1, 'true']);
  });

  test('the picture of a plot is copied, or saved where there is no clipboard', async () => {
    const { page, complaints } = await openFile(browser, sick, {
      context: { permissions: ['clipboard-read', 'clipboard-write'] },
    });
    const copy = page.getByRole('button', { name: 'Copy the picture: q_rope by depth' });
    const told = page.locator('figure', { has: copy }).getByRole('status');
    await copy.click();
    await told.getByText('Copied').waitFor();
    const size = await page.evaluate(async () => {
      const [item] = await navigator.clipboard.read();
      const { width, height } = await createImageBitmap((await item?.getType('image/png')) as Blob);
      return [width, height];
    });
    const box = await page.locator('figure', { has: copy }).locator('.drawing svg').boundingBox();
    expect(size[0]).toBeGreaterThanOrEqual(2 * (box?.width ?? 0));
    expect(size[1]).toBeGreaterThan(2 * (box?.height ?? 0)); // its title, and what the lines are
    await page.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
    const saved = page.waitForEvent('download');
    await copy.click();
    expect((await saved).suggestedFilename()).toBe('q_rope-by-depth.png');
    await told.getByText('Saved as a file').waitFor();
    expect(complaints).toEqual([]);
  });

  test('a single picture, or a print, right after loading has its plots', async () => {
    const { page } = await openFile(browser, sick, { viewport: { width: 1280, height: 1300 }, context: {} });
    await page.addInitScript(() => {
      // Nothing happens after the page has been painted.
      const never = class {
        observe() {}
        disconnect() {}
      };
      Object.assign(globalThis, { requestAnimationFrame: () => 0, setTimeout: () => 0, ResizeObserver: never });
    });
    await page.reload();
    const drawn = (isWhole: boolean) =>
      page
        .locator('figure.plot')
        .evaluateAll(
          (all, isWhole) =>
            all
              .filter(
                (one) => isWhole || (one.querySelector('.drawing')?.getBoundingClientRect().top ?? 0) < innerHeight,
              )
              .map((one) => one.querySelector('.drawing svg') !== null),
          isWhole,
        );
    const shown = await drawn(false);
    expect(shown).toEqual(shown.map(() => true));
    expect(shown.length).toBeGreaterThan(1);
    expect(await drawn(true)).toContain(false);
    await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
    expect(await drawn(true)).not.toContain(false);
  });

  test('no sideways scrolling, from a phone to a wide screen', async () => {
    const { page } = await openFile(browser, sick);
    await page.waitForSelector('.drawing svg');
    for (const width of [1920, 1280, 800, 400]) {
      await page.setViewportSize({ width, height: 800 });
      await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
      expect(await page.evaluate(() => document.documentElement.scrollWidth), `at ${width}`).toBeLessThanOrEqual(width);
    }
  });

  test('nothing that a prompt or a file name says becomes part of the page', async () => {
    const evil = `</script><img src=x onerror=alert(1)><script>alert(2)</script><b id=evil>`;
    const prompt = path('evil.txt');
    const out = path('evil.html');
    writeFileSync(prompt, evil);
    const few = ['--steps', '0', '--no-floors', '--stages', 'embd', '--no-tui'];
    const { code } = await probe(['compare', '--prompt-file', prompt, ...few, '--html', out]);
    expect(code).toBe(0);
    const spoilt = readFileSync(out, 'utf8').replaceAll('smalltalk-4M-F16', evil.replaceAll('<', '\\u003c'));
    writeFileSync(out, spoilt); // as a model of that name would
    const { page, complaints } = await openFile(browser, out);
    expect(await page.locator('#evil, img[src=x]').count()).toBe(0);
    expect(await page.locator('.title').innerText()).toContain('<img src=x onerror=alert(1)>');
    expect(complaints).toEqual([]);
  });

  test('hostile names of stages and runs: nothing hidden, nothing turned round, nothing wider than the page', async () => {
    const long = `\u202e\u001b]0;${'x'.repeat(300)}\u2066`;
    const renamed = (one: unknown) =>
      JSON.parse(JSON.stringify(one).replaceAll('"q_rope"', JSON.stringify(long))) as Report;
    const out = path('hostile.html');
    writeFileSync(out, html([{ ...outcomeOf(renamed(sickJson)), name: long }]));
    const { page, complaints } = await openFile(browser, out, { viewport: { width: 1000, height: 800 } });
    expect(await page.locator('.first .chip').innerText()).toContain('\\u202e\\u001b]0;xxx');
    expect(await page.title()).toContain('\\u202e');
    expect(await page.locator('body').innerText()).not.toMatch(/\p{Bidi_Control}|(?![\n\t])\p{Cc}/u);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(1000);
    const outside = await page.locator('.chip, #stage').evaluateAll((all) =>
      all.filter((one) => {
        const card = one.closest('.card')?.getBoundingClientRect().right ?? 0;
        return one.getBoundingClientRect().right > card || one.scrollWidth > one.clientWidth + 1;
      }),
    );
    expect(outside).toHaveLength(0);
    expect(complaints).toEqual([]);
  });

  test('where nothing could be told of a stage, the page opens there', async () => {
    const stages = sickJson.stages.map((one, i) => ({
      ...one,
      ...(i === 30 ? { verdict: 'incomparable' as const, reason: 'other shapes' } : { verdict: 'agree' as const }),
    }));
    const reason = 'Other shapes.';
    const untold = { ...sickJson, verdict: 'incomparable', reason, stages, first: null, faults: null } as const;
    const out = path('untold.html');
    writeFileSync(out, html([{ ...outcomeOf(untold), name: 'untold' }]));
    const { page } = await openFile(browser, out);
    expect(await page.locator('[data-cell][aria-selected=true]').getAttribute('data-state')).toBe('incomparable');
    expect(await page.locator('section.panel').innerText()).toContain('Why: other shapes');
  });

  // Its size: packages/report/test/page.test.ts.
  test.runIf(isLong)(
    `32 layers and ${DEEP_TOKENS} tokens, all of it wrong: at most 2 MB, and all there`,
    async () => {
      const { code, stderr } = await makeDeep();
      expect(code, stderr).toBe(1);
      const bytes = statSync(deep).size;
      expect(bytes).toBeLessThanOrEqual(2_000_000);

      const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, bypassCSP: true });
      await context.addInitScript(() => {
        new MutationObserver((_, observer) => {
          if (!document.querySelector('[data-cell]')) return;
          observer.disconnect();
          requestAnimationFrame(() => requestAnimationFrame(() => performance.mark('painted')));
        }).observe(document, { childList: true, subtree: true });
      });
      const page = await context.newPage();
      await page.goto(`file://${deep}`);
      await page.waitForFunction(() => performance.getEntriesByName('painted').length > 0);
      const ms = await page.evaluate(() => performance.getEntriesByName('painted')[0]?.startTime ?? Number.NaN);
      expect(await page.locator('[data-cell]').count()).toBe(32 * 19 + 4);
      await page.waitForSelector('.drawing svg');
      expect(await violations(page)).toEqual([]);
      console.log(
        `32 layers, ${DEEP_TOKENS} tokens: ${(bytes / 1e6).toFixed(2)} MB, painted after ${ms.toFixed(0)} ms`,
      );
    },
    240_000,
  );
});
