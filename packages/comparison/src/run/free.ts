import { type Comparison, compare } from '@llama-probe/diff';
import type { DumpMetadata, Tensor } from '@llama-probe/dump';
import { SideWatch } from '../checks.js';
import { type Judged, withFloors } from '../floors.js';
import type { Kept } from '../kept.js';
import { candidateMetadata, referenceMetadata } from '../metadata.js';
import { recordOnly } from '../selection.js';
import { type Both, heads, runEngine, say } from './both.js';
import { digest, type Plan } from './plan.js';

/** What is captured. */
export interface About {
  readonly text: string | undefined;
  readonly stages: readonly string[];
  readonly layers: readonly number[] | undefined;
}

export interface FreeRun {
  readonly comparison: Comparison;
  readonly judged: Judged;
  readonly watches: { readonly candidate: SideWatch; readonly reference: SideWatch };
  /** The engine's greedy choices, fed the reference's. */
  readonly generated: readonly number[];
  readonly callbackChangesNothing: boolean;
}

/** Where do the two sides first differ? */
export async function freeRun(
  both: Both,
  plan: Plan,
  { text, stages, layers }: About,
  [candidateDump, referenceDump]: readonly [Kept, Kept],
): Promise<FreeRun> {
  const { engine, reference, chosen, file, options, watcher, progress, signal } = both;
  const { unwatched, all, ...shared } = plan;
  const judged = await withFloors(reference, file, { ...shared, stages, layers }, options, progress, signal);
  const webgpu = runEngine(both, { ...shared, hook: recordOnly({ stages, layers }) });

  const config = { stages: options.stages ?? 'all', layers: options.layers ?? 'all', steps: plan.steps };
  const about: Pick<DumpMetadata, 'tokens' | 'prompt' | 'config'> = {
    tokens: [...all],
    ...(text === undefined ? {} : { prompt: text }),
    config,
  };
  const watched: string[] = [];
  const { architecture } = reference.info.model;
  const watches = {
    candidate: new SideWatch(architecture, heads(engine)),
    reference: new SideWatch(architecture, heads(engine)),
  };
  const ours = watches.candidate.pass(say(webgpu.tensors, 'comparing', engine, progress));
  const theirs = watches.reference.pass(lastLogits(judged.tensors, plan.tokens.length, watched));
  const comparison = await compare(
    candidateDump.pass(ours, () => candidateMetadata(engine, about)),
    referenceDump.pass(theirs, () => referenceMetadata(reference, file, chosen, about, judged)),
    {
      ...judged,
      rule: options.ruleAt?.(judged.rule) ?? judged.rule,
      tokens: { candidate: all, reference: all },
      ...heads(engine),
      onStage: watcher && ((stage, rows) => watcher.stage('free', stage, rows)),
    },
  );
  const isWatched = stages.includes('result_output');
  return {
    comparison,
    judged,
    watches,
    generated: (await webgpu.result).generated,
    callbackChangesNothing: !isWatched || watched.join() === unwatched.logits.join(),
  };
}

/** Notes the logits of the prompt's last position and of each step on their way. */
async function* lastLogits(
  tensors: AsyncIterable<Tensor>,
  promptLength: number,
  digests: string[],
): AsyncGenerator<Tensor> {
  for await (const tensor of tensors) {
    const isLast = tensor.step > 0 || tensor.tokens.at(-1) === promptLength - 1;
    if (tensor.stage === 'result_output' && isLast) digests.push(digest(tensor));
    yield tensor;
  }
}
