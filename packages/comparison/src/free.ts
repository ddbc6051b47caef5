import { type Comparison, compare } from '@llama-probe/diff';
import { ahead, type Tensor } from '@llama-probe/dump';
import type { CompareAsk, Looking } from './asked.js';
import type { OpenJudge } from './blame/judge.js';
import type { Clock } from './clock.js';
import { type Held, heldTo16Bits } from './floors/held.js';
import { describeFloors, judgedRun } from './floors/judged.js';
import type { KnownPrecision } from './floors/precision.js';
import { roundingFloors } from './floors/rounded.js';
import { isOnlyStored } from './floors/stored.js';
import { Kept } from './kept.js';
import type { RuleAt } from './options.js';
import { digest, type Plan } from './plan.js';
import type { Progress } from './progress.js';
import type { RunAbout, Side } from './side.js';
import { SideChecks } from './side-checks.js';

export interface FreeRun {
  readonly comparison: Comparison;
  readonly held: Held;
  /** The candidate was computed in f32, and its dump has 16 bits of each value. */
  readonly isOnlyStored: boolean;
  /** By which stages were held to it. */
  readonly rule: RuleAt;
  /** Which stages are judged; undefined where all are. */
  readonly judged: CompareAsk['judged'];
  readonly checks: { readonly candidate: SideChecks; readonly reference: SideChecks };
  /** The candidate's greedy choices, fed the reference's; empty where it does not say. */
  readonly generated: readonly number[];
  /** undefined where nobody ran unwatched. */
  readonly callbackChangesNothing: boolean | undefined;
}

/** Where do the two sides first differ? Each goes on with what it computed itself. */
export async function freeRun(
  candidate: Side,
  reference: Side,
  plan: Plan,
  ask: CompareAsk,
  { format, from }: KnownPrecision,
  judges: OpenJudge,
  looking: Looking,
): Promise<FreeRun> {
  const { progress, watcher, signal, clock } = looking;
  const { run, tokens, text, unwatched } = plan;
  const kept = [new Kept(ask.keep, 'candidate'), new Kept(ask.keep, 'reference')] as const;
  try {
    const judged = await judgedRun(reference, run, ask, progress.say, signal);
    const rounding =
      format === 'f32' ? undefined : await roundingFloors(format, candidate, reference, plan, ask, judges, looking);
    const held: Held = rounding && format !== 'f32' ? heldTo16Bits(judged, format, rounding, ask, reference) : judged;
    const ran = candidate.run(run);
    const about: RunAbout = {
      tokens: [...tokens.reference],
      config: configOf(ask),
      ...(text === undefined ? {} : { prompt: text }),
    };
    const model = modelOf(candidate, reference);
    const rule = ask.ruleAt?.(held.rule) ?? held.rule;
    const checks = { candidate: new SideChecks(model), reference: new SideChecks(model) };
    const watched: string[] = [];
    const layers = reference.about.model.layers ?? candidate.about.model.layers;
    const passed = (which: keyof typeof checks, tensors: AsyncGenerator<Tensor>) =>
      (which === 'candidate' ? candidate : reference).isExcerpt ? tensors : checks[which].pass(tensors);
    const turn = new Turn(clock);
    const ours = passed('candidate', narrated(onItsOwn(ran.tensors, turn), 'comparing', layers, progress));
    const theirs = passed('reference', lastLogits(onItsOwn(judged.tensors, turn), run.tokens.length, watched));
    const [keptOurs, keptTheirs] = [
      kept[0].pass(ours, () => candidate.describe(about), clock),
      kept[1].pass(
        theirs,
        async () => ({ ...(await reference.describe(about)), floors: describeFloors(judged) }),
        clock,
      ),
    ];
    const comparison = await compare(keptOurs, keptTheirs, {
      floors: held === judged ? judged.freeFloors : held.floors,
      rule,
      tokens,
      strict: ask.strict ?? !(candidate.recorded || reference.recorded),
      only: ask.judged,
      halfSplit: candidate.halfSplit,
      ...model,
      onStage: watcher && ((stage, rows) => watcher.stage('free', stage, rows)),
    });
    // Where there was nothing to compare, what holds of each side by itself is still to be seen.
    for (const side of [keptOurs, keptTheirs]) for await (const _ of side);
    const { stages } = ask;
    const isWatched = typeof stages !== 'object' || stages.includes('result_output');
    return {
      comparison,
      held,
      isOnlyStored: held.format !== undefined && from === 'values' && isOnlyStored(comparison, held.format),
      rule,
      judged: ask.judged,
      checks,
      generated: (await ran.result).generated,
      callbackChangesNothing: unwatched && (!isWatched || watched.join() === unwatched.logits.join()),
    };
  } finally {
    for (const dump of kept) dump.abort();
  }
}

const AHEAD = 32 << 20; // bytes of a side's tensors that may wait for the other side

/** Each side computes while the other one is waited for, or its tensors are compared. */
const onItsOwn = (tensors: AsyncIterable<Tensor>, turn: Turn): AsyncIterable<Tensor> =>
  turn.stream(ahead(tensors, AHEAD, ({ values }) => values.byteLength));

/** Whose turn it is: what is computed from when a tensor is there until the next one is asked for is neither side's time, though both go on meanwhile. */
class Turn {
  private end: (() => void) | undefined;

  constructor(private readonly clock: Clock) {}

  async *stream(tensors: AsyncIterable<Tensor>): AsyncGenerator<Tensor> {
    this.over();
    try {
      for await (const tensor of tensors) {
        this.end ??= this.clock.start('diff');
        yield tensor;
        this.over();
      }
    } finally {
      this.over();
    }
  }

  private over(): void {
    this.end?.();
    this.end = undefined;
  }
}

/** What is known of the model that both run: of the side that knows it, and its graph rather of one that has read it. */
export function modelOf(candidate: Side, reference: Side) {
  const known = [reference.about, candidate.about];
  return {
    architecture: reference.about.model.arch ?? candidate.about.model.arch,
    hyperparameters: known.find(({ model }) => model.hyperparameters)?.model.hyperparameters,
    graph: (known.find(({ graph }) => graph?.isOfModel) ?? known.find(({ graph }) => graph))?.graph,
    heads: known.find(({ heads }) => heads.heads !== undefined)?.heads.heads,
    headsKv: known.find(({ heads }) => heads.headsKv !== undefined)?.heads.headsKv,
  };
}

const configOf = ({ stages, layers, steps }: CompareAsk) => ({
  stages: typeof stages === 'object' ? stages.join() : (stages ?? 'vocabulary'),
  layers: layers?.join() ?? 'all',
  ...(steps === undefined ? {} : { steps }),
});

/** Says how far a run is, as its tensors go by. */
export async function* narrated(
  tensors: AsyncIterable<Tensor>,
  what: string,
  layers: number | undefined,
  progress: Progress,
): AsyncGenerator<Tensor> {
  for await (const tensor of tensors) {
    const { step, layer } = tensor;
    if (layer !== null) progress.say(`${what} step ${step}, layer ${layer + 1}${layers ? ` of ${layers}` : ''}`);
    yield tensor;
  }
}

/** Notes the logits of the prompt's last position and of each step on their way. */
async function* lastLogits(
  tensors: AsyncIterable<Tensor>,
  promptLength: number,
  digests: string[],
): AsyncGenerator<Tensor> {
  for await (const tensor of tensors) {
    const isLast = tensor.step > 0 || tensor.positions.at(-1) === promptLength - 1;
    if (tensor.stage === 'result_output' && isLast) digests.push(digest(tensor));
    yield tensor;
  }
}
