/**
 * What numbers say by themselves of each known bug, were it not known: a table for docs/limits.md. Every bug is put into healthy runs; whether what
 * is said is true is for a reader to judge, so each text is there.
 *
 *     node scripts/dist/by-numbers.js [MODEL.gguf …]
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { BugsReport } from 'llama-probe/internal';

const PROBE = fileURLToPath(new URL('../../packages/probe/bin/probe.js', import.meta.url));
const models = process.argv.length > 2 ? process.argv.slice(2) : [undefined];

for (const model of models) {
  process.stderr.write(`${model ?? 'the bundled model'}: every bug in several layers …\n`);
  const { stdout, status } = spawnSync(
    process.execPath,
    [PROBE, 'bugs', '--run', '--json', ...(model === undefined ? [] : ['--model', model])],
    { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  if (status === 2) throw new Error(`${model}: ${stdout}`);
  const { trials }: BugsReport = JSON.parse(stdout);
  const seen = (trials ?? []).filter(({ found }) => found !== 'unseen');
  const told = seen.filter(({ byNumbers }) => byNumbers !== undefined);
  const ids = (some: typeof seen) => new Set(some.map(({ id }) => id)).size;
  console.log(`| ${model ?? 'bundled'} | ${ids(seen)} | ${seen.length} | ${ids(told)} | ${told.length} |\n`);
  const texts = new Map<string, number>();
  for (const { id, byNumbers } of told) {
    const key = `\`${id}\` | ${byNumbers}`;
    texts.set(key, (texts.get(key) ?? 0) + 1);
  }
  for (const [text, count] of texts) console.log(`| ${text} | ${count} |`);
}
