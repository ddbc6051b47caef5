import {
  type DumpMetadata,
  isInVocabulary,
  type Place,
  placeKey,
  STAGE_NAMES,
  type Tensor,
  tee,
} from '@llama-probe/dump';
import type { GgufFile } from '@llama-probe/engine';
import { argmax } from '@llama-probe/oracle';
import { ownOrRight } from '../blame/went-on.js';
import { computingOf } from '../diagnosis/computing.js';
import { type Computing, type Injected, InjectedRun, type Injection } from '../diagnosis/injected-run.js';
import { KvRows } from '../diagnosis/kv-rows.js';
import { PassRows } from '../diagnosis/pass-rows.js';
import { possibleBugs, refuseUnused } from '../diagnosis/possible.js';
import { injectionName } from '../diagnosis/unmoved.js';
import type { RunPlan, Side, SideRun } from '../side.js';

/**
 * llama.cpp as if it had catalogued bugs: where one is, llama.cpp waits, the oracle computes the stage with it from what the run itself has made of
 * the stage's inputs, and llama.cpp goes on from that. So it takes any architecture that llama.cpp loads.
 *
 * It is an engine that has the stages of the vocabulary: what lies between two of them is computed on the way.
 *
 * @param side llama.cpp, evaluated as a whole @throws UsageError, of a run's result, where a bug changes nothing
 */
export function withBugs(
  side: Side & { readonly file: GgufFile },
  injections: readonly Injection[],
): Side & { readonly file: GgufFile } {
  if (injections.length === 0) return side;
  const injected: Injected = new Map();
  const has = ({ stage }: Place) => isInVocabulary(stage);
  const computing = computingOf(side.file, has, side.about.heads);
  const run = (plan: RunPlan): SideRun => {
    const chosen = new Map<number, number>();
    const whole = (async () => {
      const computes = await computing(plan);
      const bugs = new InjectedRun(computes, injections, injected);
      const inner = { ...plan, layers: undefined, stages: withNeeded(plan.stages, computes) };
      return plan.from ? forced(side, inner, plan.from, bugs, computes) : free(side, inner, bugs, computes);
    })();
    const result = whole.then(async ({ result }) => {
      const { generated } = await result;
      const { tokens } = plan;
      const healthy = () => side.run({ tokens, steps: 0 }).tensors;
      await refuseUnused(injections, injected, async () =>
        possibleBugs(healthy(), await computing({ tokens }), tokens),
      );
      return { generated: generated.map((id, step) => chosen.get(step) ?? id) };
    });
    result.catch(() => {}); // who reads the tensors is told as well
    return {
      result,
      tensors: (async function* () {
        for await (const tensor of (await whole).tensors) {
          const { stage, step, positions, values, width } = tensor;
          if (stage === 'result_output' && positions.at(-1) === plan.tokens.length - 1 + step)
            chosen.set(step, argmax(values.subarray(-width)));
          if (isWanted(tensor, plan)) yield tensor;
        }
      })(),
    };
  };
  const names = injections.map(injectionName);
  const about = {
    ...side.about,
    name: `${side.about.name} with bugs`, // not to be taken for the reference
    adapter: side.about.adapter ?? 'its own stages overwritten',
    injected: names,
  };
  return {
    ...side,
    about,
    stages: side.about.graph?.names.filter(isInVocabulary) ?? STAGE_NAMES,
    run,
    injected,
    describe: async (about) => producedWith(names, await side.describe(about)),
  };
}

/** Says of a dump that bugs were put into its run. */
export function producedWith(bugs: readonly string[], metadata: DumpMetadata): DumpMetadata {
  const { producer } = metadata;
  if (bugs.length === 0 || !producer) return metadata;
  return { ...metadata, producer: { ...producer, name: `${producer.name} with ${bugs.join(' and ')}` } };
}

/** The stages that are asked for, and those that bugs are computed from. */
function withNeeded(stages: RunPlan['stages'], { graph }: Computing): RunPlan['stages'] {
  return typeof stages === 'object' ? [...new Set([...stages, ...graph.names])] : (stages ?? 'vocabulary');
}

const isWanted = ({ stage, layer }: Place, { stages, layers }: RunPlan): boolean =>
  (typeof stages !== 'object' || stages.includes(stage)) && (layer === null || (layers?.includes(layer) ?? true));

/** Goes on from its own rows, which are wrong where a bug is. */
function free(side: Side, plan: RunPlan, bugs: InjectedRun, computes: Computing): SideRun {
  const places = bugs.changing;
  const making = new Making(plan, bugs, computes);
  const run = side.run({
    ...plan,
    from: making.made(),
    promised: places.map(({ stage, layer }) => ({ stage, layer })),
  });
  return {
    result: run.result,
    tensors: (async function* () {
      try {
        making.go();
        for await (const tensor of run.tensors) yield making.see(tensor);
      } finally {
        making.end();
      }
    })(),
  };
}

/** Goes on from rows that it is given: a bug is computed from those, and nothing goes on from it. */
function forced(
  side: Side,
  plan: RunPlan,
  from: AsyncIterable<Tensor>,
  bugs: InjectedRun,
  { graph }: Computing,
): SideRun {
  const [given, own] = tee(from);
  const run = side.run({ ...plan, from: given });
  const ids = [...plan.tokens, ...(plan.forcedTokens ?? [])];
  const pass = new PassRows(graph);
  const kv = new KvRows(graph.cachedNames);
  return {
    result: run.result,
    tensors: (async function* () {
      for await (const { from: wentOn, right } of ownOrRight(own, run.tensors, plan.tokens.length)) {
        const { step, positions, width } = right;
        const firstPosition = positions[0] ?? 0;
        pass.add(wentOn);
        kv.add(wentOn, firstPosition, width, wentOn.values);
        const at = { step, firstPosition, tokens: positions.length };
        const wrong = bugs.mayChange(right)
          ? bugs.rows(right, at, { ids, kv, rowsOf: (place) => pass.get(place) })
          : undefined;
        yield wrong ? { ...right, values: wrong } : right;
      }
    })(),
  };
}

/** Makes the rows of a free run's bugs, each as soon as what it is computed from was seen. */
class Making {
  private readonly ids: number[];
  private readonly rows: PassRows;
  private readonly kv: KvRows;
  private readonly passes: { readonly step: number; readonly firstPosition: number; readonly tokens: number }[] = [];
  private readonly wrong = new Map<string, Float32Array>();
  private readonly waiting: Tensor[] = [];
  private wake = () => {};
  private ended = false;
  /** The pass and the stage that is made next, and the pass whose rows are seen. */
  private next = { pass: 0, place: 0 };
  private seen = -1;

  constructor(
    { tokens, forcedTokens = [], steps = forcedTokens.length, ubatch = tokens.length }: RunPlan,
    private readonly bugs: InjectedRun,
    { graph }: Computing,
  ) {
    this.ids = [...tokens, ...forcedTokens];
    this.rows = new PassRows(graph);
    this.kv = new KvRows(graph.cachedNames);
    for (let firstPosition = 0; firstPosition < tokens.length; firstPosition += ubatch)
      this.passes.push({ step: 0, firstPosition, tokens: Math.min(ubatch, tokens.length - firstPosition) });
    for (let step = 1; step <= steps; step++)
      this.passes.push({ step, firstPosition: tokens.length + step - 1, tokens: 1 });
  }

  /** The rows, in the order in which they are promised. */
  async *made(): AsyncGenerator<Tensor> {
    for (;;) {
      const tensor = this.waiting.shift();
      if (tensor) yield tensor;
      else if (this.ended) return;
      else
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
    }
  }

  /** What llama.cpp has computed, as the run goes on from it. */
  see(tensor: Tensor): Tensor {
    const { stage, layer, step, positions, width } = tensor;
    const firstPosition = positions[0] ?? 0;
    this.seen = this.passes.findIndex((one) => one.step === step && one.firstPosition === firstPosition);
    const key = keyOf({ stage, layer }, firstPosition);
    const values = this.wrong.get(key) ?? tensor.values;
    this.wrong.delete(key);
    const own = { ...tensor, values };
    this.rows.add(own);
    this.kv.add(own, firstPosition, width, values);
    if (stage === 'result_output') this.ids[firstPosition + positions.length] ??= argmax(values.subarray(-width));
    this.go();
    return own;
  }

  /** Makes what can be made. */
  go(): void {
    const { changing } = this.bugs;
    for (;;) {
      const at = this.passes[this.next.pass];
      const place = changing[this.next.place];
      if (!at || !place || !this.isReady(place)) break;
      const source = { ids: this.ids, kv: this.kv, rowsOf: (one: Place) => this.rowsOf(one) };
      const values = this.bugs.rows(place, at, source);
      if (values) this.wrong.set(keyOf(place, at.firstPosition), values);
      this.waiting.push(tensorOf(place, at, values));
      const isLast = this.next.place + 1 === changing.length;
      this.next = isLast ? { pass: this.next.pass + 1, place: 0 } : { ...this.next, place: this.next.place + 1 };
    }
    this.wake();
  }

  end(): void {
    this.ended = true;
    this.wake();
  }

  private isReady(place: Place): boolean {
    const { firstPosition, tokens } = this.passes[this.next.pass] as Making['passes'][number];
    const isKnown = this.ids.slice(firstPosition, firstPosition + tokens).filter((id) => id !== undefined).length;
    return isKnown === tokens && this.bugs.behind(place).every((one) => this.rowsOf(one) !== undefined);
  }

  /** Of the pass that is made. */
  private rowsOf(place: Place): Float32Array | undefined {
    return this.seen === this.next.pass ? this.rows.get(place) : undefined;
  }
}

const keyOf = (place: Place, firstPosition: number): string => `${firstPosition}/${placeKey(place)}`;

/** @param values none where the stage stays as it is */
function tensorOf(
  { stage, layer }: Place,
  { step, firstPosition, tokens }: { step: number; firstPosition: number; tokens: number },
  values: Float32Array | undefined,
): Tensor {
  const rows = values ? tokens : 0;
  return {
    step,
    order: 0,
    layer,
    stage,
    positions: Int32Array.from({ length: rows }, (_, row) => firstPosition + row),
    width: values ? values.length / tokens : 0,
    values: values ?? new Float32Array(),
  };
}
