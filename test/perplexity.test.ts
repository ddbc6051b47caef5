import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { libraryDirectory } from '@llama-probe/reference';
import { isLong } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import type { TextReport } from '../packages/probe/src/commands/text.js';
import { BUNDLED, testThirdParty } from './support/models.js';
import { path } from './support/probe.js';
import { probeJson } from './support/session.js';

/** A number as llama.cpp's tool printed it, and its uncertainty where it prints one. */
type Printed = readonly string[];
interface Row {
  readonly model: string;
  readonly build: string;
  readonly quantize: string | null;
  readonly reference: 'exact' | 'native';
  readonly perplexity: Printed;
  readonly base: Printed;
  readonly meanKld: Printed;
  readonly maxKld: Printed;
  readonly medianKld: Printed;
  readonly percentile99: Printed;
  readonly rmsDeltaP: Printed;
  readonly sameTop: Printed;
}

const TEXT = fileURLToPath(new URL('perplexity/text.txt', import.meta.url));
/** What llama-perplexity said of it; scripts/llama-perplexity.ts made it, and says how. */
const { window, runs } = JSON.parse(readFileSync(new URL('perplexity/numbers.json', import.meta.url), 'utf8')) as {
  window: number;
  runs: readonly Row[];
};

/** Held to what was printed: to its digits on a CPU build that was recorded, and on another to what recorded ones differ by among themselves. */
function held(ours: number, rows: readonly Row[], build: string, printed: (row: Row) => string | undefined): void {
  const digits = (text: string): number => text.split('.')[1]?.length ?? 0;
  const all = rows.map((row) => printed(row) ?? 'missing');
  const unit = 10 ** -digits(all[0] as string);
  const own = rows.findIndex((row) => row.build === build);
  const numbers = all.map(Number);
  const [least, most] =
    own < 0 ? [Math.min(...numbers), Math.max(...numbers)] : [numbers[own] as number, numbers[own] as number];
  // Its sums are of float32 where six decimals are printed, ours of float64: the last of those may be another.
  const off = (unit < 1e-5 ? 1.5 : 0.5) * unit + (most - least);
  expect(ours, `${build}: ${all.join(', ')}`).toBeGreaterThanOrEqual(least - off);
  expect(ours, `${build}: ${all.join(', ')}`).toBeLessThanOrEqual(most + off);
}

const text = async (model: string, args: readonly string[]) => {
  const candidate = ['--llama-lib', libraryDirectory(), '--worst', '0'];
  const { json, stderr } = await probeJson<TextReport>(['text', '--model', model, ...candidate, ...args]);
  expect(json.statistics, stderr).toBeDefined();
  return { ...json, build: json.candidate.backend?.replace('CPU, ', '') ?? '' };
};

/** A text of 4000 tokens by a model, and then by its Q4_0, held to what the model said: as the tool is used. */
async function check(model: string, quantized: readonly Row['reference'][]): Promise<void> {
  const of = (quantize: string | null, reference: string): readonly Row[] =>
    runs.filter((row) => model.endsWith(row.model) && row.quantize === quantize && row.reference === reference);
  const base = path('base.kld');
  for (const reference of isLong ? (['native', 'exact'] as const) : (['exact'] as const)) {
    const { statistics, source, build } = await text(model, [
      ...['--text', TEXT, '--window', String(window), '--reference', reference, '--no-floors'],
      ...(reference === 'exact' ? ['--save-base', base] : []),
    ]);
    expect(source.tokens).toBeGreaterThan(3800);
    const { value, uncertainty } = statistics.perplexity?.candidate ?? { value: 0, uncertainty: 0 };
    held(value, of(null, reference), build, ({ perplexity }) => perplexity[0]);
    held(uncertainty ?? 0, of(null, reference), build, ({ perplexity }) => perplexity[1]);
  }
  for (const reference of quantized) {
    const { statistics, build } = await text(model, ['--base', base, '--quantize', 'Q4_0', '--reference', reference]);
    const { kl, perplexity, deltaP, sameTop } = statistics;
    const says = (ours: number | null | undefined, printed: (row: Row) => Printed, place = 0) =>
      held(ours ?? Number.NaN, of('Q4_0', reference), build, (row) => printed(row)[place]);
    says(perplexity?.candidate.value, (row) => row.perplexity);
    says(perplexity?.candidate.uncertainty, (row) => row.perplexity, 1);
    says(perplexity?.reference.value, (row) => row.base);
    says(kl.mean.value, (row) => row.meanKld);
    says(kl.mean.uncertainty, (row) => row.meanKld, 1);
    says(kl.max, (row) => row.maxKld);
    says(kl.median, (row) => row.medianKld);
    says(kl.p99, (row) => row.percentile99);
    says(100 * (deltaP?.rms.value ?? 0), (row) => row.rmsDeltaP);
    says(100 * sameTop.value, (row) => row.sameTop);
    says(100 * (sameTop.uncertainty ?? 0), (row) => row.sameTop, 1);
  }
}

describe("perplexity and KL divergence are those of llama.cpp's own tool", () => {
  test('of the bundled model', () => check(BUNDLED, isLong ? ['native', 'exact'] : ['native']));
  if (isLong) testThirdParty('too', 'stories260K-F32.gguf', (model) => check(model, ['native', 'exact']));
});
