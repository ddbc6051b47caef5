import { expect, test } from 'vitest';
import { deltasOf, floatsOf, type PageData, type PageRun, pack, packLevels, page } from '../src/index.js';

const COLUMNS = { step: [], place: [], rms: '', rel: '', floor: '', limit: '', ofLimit: '', local: '' };

const run = (changes: Partial<PageRun>): PageRun => ({
  name: 'a run',
  verdict: 'agree',
  reason: 'All agree.',
  headline: null,
  culprits: [],
  notes: [],
  facts: [],
  inputs: "from llama.cpp's inputs",
  candidate: 'ours',
  reference: 'llama.cpp',
  tokens: [],
  places: [],
  stages: { ...COLUMNS, verdict: '', inherits: [] },
  first: null,
  faults: null,
  whys: {},
  whysLeft: 0,
  looks: { free: {}, blame: {} },
  cut: '',
  logits: null,
  said: [],
  remarks: [],
  checks: [],
  observations: [],
  unseen: [],
  ignored: [],
  ...changes,
});

const data = (...runs: PageRun[]): PageData => ({
  format: 1,
  version: '0.1.0',
  made: '2026-01-01T00:00:00Z',
  runs,
  words: [],
});

/** What the page's script reads. */
const read = (html: string): PageData =>
  JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)?.[1] ?? 'none') as PageData;

test('numbers come back as they were, whatever they are', () => {
  const numbers = [0, -1, 1e-7, 3.4e38, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  expect([...floatsOf(pack(numbers))]).toEqual([...Float32Array.from(numbers)]);
  expect([...floatsOf(pack(new Float32Array(0)))]).toEqual([]);
  expect([...floatsOf(pack([null]))]).toEqual([Number.NaN]); // as JSON writes what is no number
});

test('levels come back to within 7 %, and what is no number as it was', () => {
  const deltas = Array.from({ length: 400 }, (_, i) => 10 ** (-8.9 + (i / 400) * 13.8));
  const back = deltasOf(packLevels(deltas));
  back.forEach((delta, i) => {
    expect(Math.abs(delta / (deltas[i] as number) - 1)).toBeLessThan(0.07);
  });
  expect(deltasOf(packLevels([0, Number.NaN, Number.POSITIVE_INFINITY]))).toEqual([0, Number.NaN, Infinity]);
  expect(packLevels(deltas).length).toBeLessThan(deltas.length * 1.4);
});

test('nothing in the data ends the script that holds it, or begins another', () => {
  const evil = '</script><script>alert(1)</script><!--<img src=x onerror=alert(1)>\u2028$& $1 $`';
  const html = page(data(run({ name: evil, reason: evil, said: [['ours', evil]] })));
  expect(read(html).runs[0]?.said).toEqual([['ours', evil]]);
  expect(html).not.toContain('<script>alert');
  expect(html).not.toContain('<img src=x');
  expect(html.match(/<script/g)).toHaveLength(2); // the data and the page's own
});

test('what cannot be seen is written out, so no name reads as another', () => {
  const name = 'a\u202efug.q4\u2066b\u001b[31m\u0085c\u007f';
  const said = '\\u001b[31m\\u0085c\\u007f';
  const html = page(data(run({ name, reason: `two\nlines ${name}`, places: [{ stage: name, layer: 0, inputs: [] }] })));
  const shown = `a\\u202efug.q4\\u2066b${said}`;
  expect(read(html).runs[0]).toMatchObject({ name: shown, reason: `two\nlines ${shown}`, places: [{ stage: shown }] });
  expect(/<noscript>(.*?)<\/noscript>/s.exec(html)?.[1]).toContain(`<b>agree</b> ${shown}: two\nlines ${shown}`);
  const [written] = html.split('<script type="module"');
  expect(written?.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
});

test('it asks for nothing from elsewhere, and would not get it', () => {
  const html = page(data(run({})));
  expect(html).toContain("default-src 'none'");
  expect(html).not.toMatch(/<(script|link|img|iframe)[^>]+(src|href)=/);
  expect(html).not.toContain('<!--data-->');
});

test('without scripts it says what came of it', () => {
  const html = page(data(run({ verdict: 'diverged', name: '<m>.gguf', reason: 'kq is the first & wrong.' }), run({})));
  const said = /<noscript>(.*?)<\/noscript>/s.exec(html)?.[1];
  expect(said).toContain('<b>diverged</b> &lt;m&gt;.gguf: kq is the first &amp; wrong.');
  expect(said).toContain('<b>agree</b> a run');
});
