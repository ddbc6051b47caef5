import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { GLOSSARY } from '../src/glossary.js';
import { json } from '../src/json.js';
import { EXPORTS, FILE_OUTPUTS, OUTPUTS, type OutputName, takesStdout } from '../src/outputs.js';
import { fault, finding, HOSTILE, nothing, sick } from './support/findings.js';

const NAMES = Object.keys(OUTPUTS) as OutputName[];
const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

describe('the table of outputs', () => {
  test('loads nothing before an output is asked for', () => {
    const imports = read('../src/outputs.ts').match(/^(import|export)\b.*'.*';$/gm) ?? [];
    expect(imports.filter((line) => !line.startsWith('import type'))).toEqual([]);
  });

  test.each(NAMES)('%s writes every run that it may get', async (name) => {
    const write = await OUTPUTS[name].load();
    const named = { ...finding(), name: HOSTILE, reason: HOSTILE };
    for (const one of [finding(), sick(), nothing(), named]) expect(write([one]).length).toBeGreaterThan(0);
    if (name !== 'json') expect(write([finding(), sick()]).length).toBeGreaterThan(write([finding()]).length);
  });

  test('JSON is of one run: a gate prints an object of its own', async () => {
    const write = await OUTPUTS.json.load();
    expect(() => write([finding(), sick()])).toThrow('wanted one run, got 2');
  });

  test('JSON begins with what is wrong: a cause for each bug, and the faults that it explains', () => {
    const faults = [fault({}), fault({ stage: 'k_rope', layer: 1 })];
    const { headline, causes } = JSON.parse(json([sick({ faults })]));
    expect(headline).toBe('RoPE turns the halves of a head: q_rope, layer 0; k_rope, layer 1');
    expect(causes).toMatchObject([{ id: 'rope-halves', confidence: 'confirmed', look: 'The rotation kernel.' }]);
    expect(causes[0].at).toEqual(
      faults.map(({ step, layer, stage }) => ({ step, layer, stage, confidence: 'confirmed' })),
    );
    expect(JSON.parse(json([finding()]))).toMatchObject({ headline: null, causes: [] });
  });

  test('the words that the views explain are explained in docs/outputs.md, too', () => {
    const docs = read('../../../docs/outputs.md').replaceAll('\\|', '|');
    for (const [word, meaning] of Object.entries(GLOSSARY)) expect(docs).toContain(`| ${word} | ${meaning} |`);
  });

  test('says what each option is called, and docs/outputs.md says it too', () => {
    const docs = read('../../../docs/outputs.md');
    for (const name of NAMES) expect(docs).toContain(`| \`${OUTPUTS[name].flag.replace('<file>', 'FILE')}\` |`);
    expect(FILE_OUTPUTS).toEqual(['html', 'markdown', 'junit', 'csv', 'arrow', 'problems']);
    expect(EXPORTS).toEqual(['html', 'markdown', 'json', 'junit', 'csv', 'arrow']);
  });

  test('knows when standard output is taken', () => {
    expect(takesStdout({ csv: 'a.csv', github: true, reporter: 'a.ts', reporterFile: 'a.txt' })).toBe(false);
    for (const options of [
      { json: true },
      { csv: '-' },
      { reporter: 'a.ts' },
      { reporter: 'a.ts', reporterFile: '-' },
    ]) {
      expect(takesStdout(options)).toBe(true);
    }
  });
});
