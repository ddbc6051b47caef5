import type { TensorStreamWriter } from '@llama-probe/dump';
import { checkRun, passesOf } from '../capture/passes.js';
import type { RunParameters, RunResult } from '../process/protocol.js';
import { BlockPasses, type BlockRun } from './block-passes.js';

/**
 * A run in the memory of one block: each block over all passes, then the next one, and the head slice by slice. Every evaluation is that of the
 * whole model, cut: the same operations on as many tokens, so that all rows are the same bit for bit.
 *
 * What each step is fed has to be known before the first block is left. It is guessed, and compared with what the logits choose: where the guess was wrong,
 * the passes from there on are made again, as in speculative decoding.
 */
export function runBlocks(run: BlockRun, parameters: RunParameters, stream: TensorStreamWriter): RunResult {
  const { library } = run;
  const { tokens, steps, ubatch, forcedTokens } = parameters;
  const size: number = library.llama_vocab_n_tokens(library.llama_model_get_vocab(run.vocabulary));
  checkRun(library, run.vocabulary, parameters, size);
  const started = performance.now();
  const passes = new BlockPasses(run, parameters, stream);
  try {
    let fed = forcedTokens?.slice(0, steps) ?? run.guess(tokens, steps);
    let generated: number[] = [];
    let begin = 0;
    for (;;) {
      const all = passesOf(tokens, fed, ubatch);
      generated = passes.evaluate(all, begin);
      const wrong = forcedTokens ? -1 : fed.findIndex((id, i) => id !== generated[i]);
      if (wrong < 0) break;
      const right = generated.slice(0, wrong + 1);
      fed = [...right, ...run.guess([...tokens, ...right], steps - wrong - 1)];
      begin = all.length - steps + wrong;
    }
    passes.end();
    return { generated, milliseconds: performance.now() - started, notes: passes.notes };
  } finally {
    passes.close();
  }
}
