import { UsageError } from '../errors.js';
import { type Progress, within } from '../progress.js';
import type { RunPlan, Side } from '../side.js';
import { type ProgramOptions, program } from '../sides/program.js';
import type { OneWay } from './itself.js';
import { batches, steps as stepped, USUAL_CHUNKS } from './parse-chunks.js';
import type { Ways, WaysAsk } from './side-ways.js';
import { inBatches } from './words.js';

/** Whether a program's command hands on how many tokens are to be computed at once. */
const heedsChunks = (command: string): boolean => /\{chunk\}|PROBE_CHUNK/.test(command);

type Told = Pick<ProgramOptions, 'model' | 'modelLayers' | 'vocabulary' | 'stages' | 'layers' | 'map' | 'timeout'>;

/**
 * A program of the user's: it decodes first, and is then given all that it ran as one prompt, and in chunks where its command takes `{chunk}`. A
 * program that decodes nothing is run in chunks only.
 *
 * @throws UsageError for a program that has no second way
 */
export async function programWays(
  command: string,
  { prompt, steps, chunks, heads, ...told }: WaysAsk & Told & Pick<Ways, 'heads'>,
  progress: Progress,
  signal: AbortSignal,
): Promise<Ways> {
  const asked = chunks ?? (heedsChunks(command) ? USUAL_CHUNKS : []);
  const start = (name: string, options: Pick<ProgramOptions, 'tokens' | 'steps' | 'chunk'>) =>
    program(command, { ...told, ...options, progress: within(progress, name), signal });
  const first = await start('steps', { tokens: prompt, steps });
  const tokens = first.recorded?.tokens ?? prompt;
  const { length } = tokens;
  const plan = { length, stages: told.stages, layers: told.layers, signal };
  const hasStepped = length > prompt.length;
  const sizes = asked.filter((size) => size < length);
  if (!hasStepped && sizes.length === 0) {
    await first.close();
    const why =
      steps === 0 ? '--steps is 0' : 'it has decoded nothing after the prompt, or does not say the ids that it ran';
    throw new UsageError(
      `--engine: the program has one way only to compute these ${length} tokens: ${why}, and its command has no {chunk}. Let it decode and write all ids, or take {chunk}, the most tokens at once (--chunks).`,
    );
  }
  async function* runs(): AsyncGenerator<OneWay> {
    try {
      const whole = hasStepped ? await start('prefill', { tokens, steps: 0 }) : first;
      try {
        yield wayOf('prefill', [0], plan, checked(whole, tokens, 'prefill'));
      } finally {
        if (whole !== first) await whole.close();
      }
      if (hasStepped) yield wayOf('steps', stepped(prompt.length, length), plan, first);
    } finally {
      await first.close();
    }
    for (const size of sizes) {
      const name = `chunks:${size}`;
      const side = await start(name, { tokens, steps: 0, chunk: size });
      try {
        yield wayOf(name, batches(size, length), plan, checked(side, tokens, name));
      } finally {
        await side.close();
      }
    }
  }
  const notes = [
    ...(hasStepped ? [] : ['No steps: the program has decoded nothing after the prompt.']),
    ...(sizes.length > 0 ? [] : ['No chunks: the command takes no {chunk}, the most tokens at once.']),
  ];
  return { runs: runs(), about: first.about, tokens, heads: first.about.heads.heads ?? heads, notes };
}

/** A run in its way, and what of it is looked at. */
function wayOf(
  name: string,
  begins: readonly number[],
  { length, ...plan }: Pick<RunPlan, 'stages' | 'layers' | 'signal'> & { readonly length: number },
  side: Side,
): OneWay {
  const way = { name, batches: inBatches(begins, length), begins };
  return { way, tensors: side.run({ ...plan, tokens: [] }).tensors };
}

/** @throws UsageError where it has run other tokens than it was told to */
function checked(side: Side, tokens: readonly number[], name: string): Side {
  const ran = side.recorded?.tokens ?? [];
  const at = tokens.findIndex((id, i) => ran[i] !== id);
  if (at < 0 && ran.length === tokens.length) return side;
  const place = at < 0 ? tokens.length : at;
  throw new UsageError(
    `--engine: told to run ${tokens.length} tokens and to decode none (${name}), the program ran ${ran.length}, and at position ${place} ${ran[place] ?? 'none'} for ${tokens[place] ?? 'none'}. Let it run {tokens} and {steps} as it is told.`,
  );
}
