/**
 * llama.cpp's test vocabularies with their published cases, and its chat templates, through what `probe tokenize` runs. They are no part of the project:
 *
 *     LLAMA_PROBE_VOCABULARIES=llama.cpp/models node scripts/dist/vocabularies.js
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTokenize } from '@llama-probe/comparison';
import { openVocabulary } from '@llama-probe/reference';
import { text, tokenizer, writeGguf } from '@llama-probe/testing';

const BETWEEN = '\n__ggml_vocab_test__\n';
const folder = process.env.LLAMA_PROBE_VOCABULARIES;
if (folder === undefined)
  throw new Error('LLAMA_PROBE_VOCABULARIES is not set; wanted the folder models of llama.cpp.');
const temporary = mkdtempSync(join(tmpdir(), 'llama-probe-vocabularies-'));
const { signal } = new AbortController();
let failed = 0;

/** A text and its published ids. */
function casesOf(model: string): { text: string; ids: string }[] {
  const ids = readFileSync(`${model}.out`, 'utf8').split('\n');
  const texts = readFileSync(`${model}.inp`, 'utf8').split(BETWEEN);
  return texts.map((one, i) => ({ text: one, ids: (ids[i] ?? '').trim() })).filter((one) => one.ids !== '');
}

async function tryVocabulary(model: string): Promise<string> {
  const cases = casesOf(model);
  const vocabulary = await openVocabulary({ model });
  let same = 0;
  for (const one of cases) {
    const ids = await vocabulary.tokenize(one.text, { addSpecial: false, parseSpecial: false });
    if (ids.join(' ') === one.ids) same++;
  }
  await vocabulary.close();
  const longest = cases.reduce((a, b) => (b.text.length > a.text.length ? b : a));
  const against = join(temporary, 'ids.txt');
  writeFileSync(against, longest.ids);
  const options = { model, prompt: longest.text, special: false, bos: false, against };
  const { verdict, tokens } = await runTokenize(options, signal);
  const placed = tokens.filter(({ from }) => from !== null).length;
  if (same < cases.length || verdict !== 'agree') failed++;
  return `${same} of ${cases.length} cases; the longest: ${verdict}, ${placed} of ${tokens.length} pieces placed`;
}

async function tryTemplate(chatTemplate: string): Promise<string> {
  const model = join(temporary, 'chat.gguf');
  const metadata = { 'general.architecture': text('llama'), ...tokenizer({ chatTemplate }).metadata };
  writeFileSync(model, writeGguf({ metadata, tensors: [], data: Buffer.alloc(0) }).bytes);
  try {
    return String((await runTokenize({ model, prompt: 'hello world', chat: true }, signal)).chat);
  } catch (error) {
    return `refused: ${(error as Error).message}`;
  }
}

try {
  for (const name of readdirSync(folder).filter((one) => one.endsWith('.gguf.inp')))
    console.log(name.slice(0, -4), await tryVocabulary(join(folder, name.slice(0, -4))));
  for (const name of readdirSync(join(folder, 'templates')).filter((one) => one.endsWith('.jinja')))
    console.log(name, await tryTemplate(readFileSync(join(folder, 'templates', name), 'utf8')));
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
process.exitCode = failed > 0 ? 1 : 0;
