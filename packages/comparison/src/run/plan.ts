import { createHash } from 'node:crypto';
import type { Tensor } from '@llama-probe/dump';
import type { Both } from './both.js';

/** What both sides are fed. */
export interface Plan {
  readonly tokens: readonly number[];
  readonly steps: number;
  readonly forcedTokens: readonly number[];
  readonly ubatch: number;
  /** Prompt, then decoded. */
  readonly all: readonly number[];
  /** What llama.cpp chose and computed while nobody watched. */
  readonly unwatched: { readonly generated: readonly number[]; readonly logits: readonly string[] };
}

/** Without the callback first: the tokens to feed both sides, and what the watched run is held to. */
export async function makePlan(
  { engine, reference, options, progress }: Both,
  tokens: readonly number[],
): Promise<Plan> {
  const { steps } = options;
  engine.check({ tokens, steps });
  progress.say('llama.cpp decodes without a callback');
  const most = Math.min(engine.ubatch(tokens.length + steps), options.ubatch ?? Number.POSITIVE_INFINITY);
  const ubatch = Math.min(most, tokens.length);
  const run = reference.run({ tokens, steps, ubatch, stages: [], logits: true });
  const logits: string[] = [];
  for await (const tensor of run.tensors) logits.push(digest(tensor));
  const { generated } = await run.result;
  const forcedTokens = generated.slice(0, steps);
  return { tokens, steps, forcedTokens, ubatch, all: [...tokens, ...forcedTokens], unwatched: { generated, logits } };
}

/** Of a tensor's last row, bit for bit. */
export function digest({ values, width }: Tensor): string {
  const row = values.subarray(-width);
  return createHash('sha256')
    .update(new Uint8Array(row.buffer, row.byteOffset, row.byteLength))
    .digest('hex');
}
