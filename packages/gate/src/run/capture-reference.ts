import { openLlama, ownModel, referenceMetadata, withFloors } from '@llama-probe/comparison';
import { DumpWriter, openDump } from '@llama-probe/dump';
import { STAGE_NAMES } from '@llama-probe/dump/stage';
import { openGguf } from '@llama-probe/engine';
import type { Work } from '../config/case.js';
import type { Run } from './run.js';

/** Writes llama.cpp's dump for a candidate's: the same tokens, the same steps. */
export async function captureReference(
  { candidate, llama = 'auto' }: Extract<Work, { kind: 'dump' }>,
  model: string,
  path: string,
  { progress, signal }: Run,
): Promise<void> {
  const { tokens, promptLength } = await tokensOf(candidate);
  const file = (await ownModel(model, [await described(candidate)])) ?? (await openGguf(model));
  const { reference, chosen } = await openLlama(file, llama, progress, signal);
  const writer = new DumpWriter(path);
  try {
    const forcedTokens = tokens.slice(promptLength);
    const steps = forcedTokens.length;
    const prompt = tokens.slice(0, promptLength);
    const run = { tokens: prompt, steps, forcedTokens, stages: STAGE_NAMES, layers: undefined };
    const judged = await withFloors(reference, file, run, {}, progress, signal);
    for await (const tensor of judged.tensors) writer.write(tensor);
    writer.close(
      await referenceMetadata(reference, file, chosen, { tokens, config: { stages: 'vocabulary', steps } }, judged),
    );
  } finally {
    writer.abort();
    await reference.close();
  }
}

async function described(path: string) {
  const dump = await openDump(path);
  await dump.close();
  return { path, metadata: dump.metadata };
}

/** A dump's tokens, and how many of them are the prompt: those that step 0 ran. */
async function tokensOf(path: string): Promise<{ tokens: number[]; promptLength: number }> {
  const dump = await openDump(path);
  try {
    let promptLength = 0;
    for await (const { step, tokens } of dump.tensors()) {
      if (step > 0) break;
      promptLength = Math.max(promptLength, 1 + (tokens.at(-1) ?? -1));
    }
    return { tokens: dump.metadata.tokens, promptLength: promptLength || dump.metadata.tokens.length };
  } finally {
    await dump.close();
  }
}
