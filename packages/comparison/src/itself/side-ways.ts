import type { Progress } from '../progress.js';
import type { RunPlan, Side } from '../side.js';
import type { Ask, OneWay } from './itself.js';
import { batches, steps as stepped, USUAL_CHUNKS } from './parse-chunks.js';
import { inBatches } from './words.js';

/** What is computed in several ways. */
export interface WaysAsk {
  readonly prompt: readonly number[];
  /** How many tokens are decoded after it; all of them are run in every way. */
  readonly steps: number;
  readonly chunks: readonly number[] | undefined;
}

export type Ways = Omit<Ask, 'ruleOf'> & { readonly runs: AsyncIterable<OneWay> };

/** A side that runs any tokens: what it decodes first is given to it in every way. */
export async function sideWays(
  side: Side,
  { prompt, steps, chunks = USUAL_CHUNKS, ...selection }: WaysAsk & Pick<RunPlan, 'stages' | 'layers'>,
  progress: Progress,
  signal: AbortSignal,
): Promise<Ways> {
  const free = side.run({ tokens: prompt, steps, stages: [], signal });
  for await (const _ of free.tensors); // none: it is run for what it decodes
  const decoded = (await free.result).generated.slice(0, steps);
  const tokens = [...prompt, ...decoded];
  const length = tokens.length;
  side.check?.({ tokens, steps: 0 });
  const most = side.ubatch?.(length) ?? length;
  const base = batches(most, length);
  const sizes = chunks.filter((size) => size < Math.min(most, length));
  async function* runs(): AsyncGenerator<OneWay> {
    progress.say('prefill');
    const whole = { name: 'prefill', batches: inBatches(base, length), begins: base };
    yield { way: whole, tensors: side.run({ ...selection, tokens, steps: 0, signal }).tensors };
    if (decoded.length > 0) {
      progress.say('steps');
      const begins = stepped(prompt.length, length);
      const run = { ...selection, tokens: prompt, steps: decoded.length, forcedTokens: decoded, signal };
      yield { way: { name: 'steps', batches: inBatches(begins, length), begins }, tensors: side.run(run).tensors };
    }
    for (const size of sizes) {
      progress.say(`chunks of ${size}`);
      const begins = batches(size, length);
      const { tensors } = side.run({ ...selection, tokens, steps: 0, ubatch: size, signal });
      yield { way: { name: `chunks:${size}`, batches: inBatches(begins, length), begins }, tensors };
    }
  }
  const left = chunks.filter((size) => !sizes.includes(size));
  const notes = left.map((size) => `No chunks of ${size}: the prefill is ${inBatches(base, length)}.`);
  return { runs: runs(), about: side.about, tokens, heads: side.about.heads.heads, notes };
}
