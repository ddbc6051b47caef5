import type { Tensor } from '@llama-probe/dump';
import type { Place } from '@llama-probe/dump/stage';
import { type AboutModel, GraphSoFar, graphOf } from './graph.js';
import {
  hidesOnlyTheFuture,
  holdsBy,
  holdsIn,
  isRotation,
  isSum,
  rotatesAdjacentPairs,
} from './invariants/architectures.js';
import { type Hyperparameters, isCausal, leftOut, mayScaleRotated } from './invariants/assumptions.js';
import type { FirstRows } from './invariants/attention-first.js';
import { type Checked, type CheckName, inOrder, type LeftOut } from './invariants/broken.js';
import { allFinite } from './invariants/distance.js';
import { Findings } from './invariants/findings.js';
import { FirstNonFinite } from './invariants/finite.js';
import { FirstTokens, firstRow } from './invariants/first-tokens.js';
import { firstValue, haveHeads } from './invariants/first-value.js';
import { Held } from './invariants/held.js';
import { residual } from './invariants/residual.js';
import { staysAtZero } from './invariants/rope.js';
import { Rotations } from './invariants/rotations.js';
import { headsFromSum, softMaxMask, softMaxRange, softMaxSum } from './invariants/softmax.js';
import { rowOf } from './metrics.js';

export type { Hyperparameters } from './invariants/assumptions.js';
export { checkAttentionFirst, type FirstRows } from './invariants/attention-first.js';
export type { Broken, Checked, CheckName, LeftOut } from './invariants/broken.js';
export { compareCaches } from './invariants/cache.js';

/** What is known of a side; what is not is left out of the checks that need it. */
export interface InvariantsOptions extends AboutModel {
  /** llama.cpp's name; a side that does not say is taken for a Llama. */
  readonly architecture?: string | undefined;
  /** Checks that take one of them for granted are left out where it is another. */
  readonly hyperparameters?: Hyperparameters | undefined;
}

/** What must hold of a run of this model by itself, and what would if its hyperparameters were others. */
export function checksOf({ architecture, hyperparameters = {}, graph }: InvariantsOptions) {
  const usual = graph?.isOfModel ? holdsBy(graph) : holdsIn(architecture);
  const out = leftOut(usual, hyperparameters);
  const holds: ReadonlySet<CheckName> = new Set([...usual].filter((name) => !out.some(({ check }) => check === name)));
  return { holds, leftOut: out };
}

/**
 * What holds of every healthy run by itself: checked as the tensors of one side stream by, in the order of their evaluation.
 *
 * Of each stage at most one layer of one pass is kept, and the two rows of each layer that the first token's attention needs.
 *
 * @example
 * const invariants = new Invariants({ architecture: 'llama', heads: 32, headsKv: 4 });
 * await compare(invariants.pass(engineRun.tensors), llamaRun.tensors, options);
 * for (const { text } of invariants.result().broken) console.log(text);
 */
export class Invariants {
  private readonly holds: ReadonlySet<CheckName>;
  private readonly leftOut: readonly LeftOut[];
  private readonly mayScale: boolean;
  private readonly findings = new Findings();
  private readonly finite: FirstNonFinite;
  private readonly rotations: Rotations;
  /** The stages that are checked against what they are made of. */
  private readonly made: ReadonlySet<string>;
  private readonly held: Held;
  private readonly firstTokens = new FirstTokens();
  private readonly graph: GraphSoFar;

  constructor(private readonly about: InvariantsOptions) {
    const { architecture, hyperparameters = {} } = about;
    ({ holds: this.holds, leftOut: this.leftOut } = checksOf(about));
    this.mayScale = !rotatesAdjacentPairs(architecture) || mayScaleRotated(hyperparameters);
    this.graph = new GraphSoFar(about);
    const made = graphOf(about, [{ layer: 1 }]).stages.filter((stage) => isRotation(stage) || isSum(stage));
    this.made = new Set(made.map(({ stage }) => stage));
    this.held = new Held(new Set(made.flatMap(({ inputs }) => inputs.map(({ stage }) => stage))));
    this.finite = new FirstNonFinite(about, hidesOnlyTheFuture(architecture) && isCausal(hyperparameters));
    this.rotations = new Rotations(rotatesAdjacentPairs(architecture), this.mayScale);
  }

  /** Checks each tensor and passes it on. */
  async *pass(tensors: AsyncIterable<Tensor>): AsyncGenerator<Tensor> {
    for await (const tensor of tensors) {
      this.add(tensor);
      yield tensor;
    }
  }

  /** The next tensor of the run. */
  add(tensor: Tensor): void {
    this.finite.add(tensor);
    if (tensor.stage === 'kq_soft_max') this.addSoftMax(tensor);
    if (this.made.has(tensor.stage)) this.addMade(tensor);
    if (tensor.stage === 'kqv_out' && this.holds.has('first-value')) this.addFirstValue(tensor);
    this.firstTokens.add(tensor);
    this.held.add(tensor);
  }

  result(): Checked {
    const rotations = this.rotations.result();
    const checked = { ...this.findings.checked, finite: this.finite.checked, 'rope-norm': rotations.checked };
    const broken = [...this.finite.result(), ...rotations.broken, ...this.findings.list()];
    return { broken: inOrder(broken), checked, leftOut: this.leftOut };
  }

  /** What `checkAttentionFirst` wants, of each layer that has it. */
  get firstRows(): FirstRows[] {
    return this.holds.has('attention-first') ? this.firstTokens.rows : [];
  }

  private addSoftMax(tensor: Tensor): void {
    const { positions, width } = tensor;
    const heads = this.about.heads && width % this.about.heads === 0 ? this.about.heads : undefined;
    for (let i = 0; i < positions.length; i++) {
      const [row, token] = [rowOf(tensor, i), positions[i] as number];
      if (!allFinite(row)) continue; // `finite` says so
      this.findings.add('softmax-range', tensor, token, softMaxRange(row));
      if (this.holds.has('softmax-sum')) this.findings.add('softmax-sum', tensor, token, softMaxSum(row, heads));
      const split = heads ?? headsFromSum(row);
      if (!this.holds.has('softmax-mask') || split === undefined || width / split <= token + 1) continue; // nothing to hide
      this.findings.add('softmax-mask', tensor, token, softMaxMask(row, split, token));
    }
  }

  private addMade(tensor: Tensor): void {
    const graph = this.graph.withLayer(tensor.layer);
    const stage = graph.at(tensor);
    const isRope = stage !== undefined && isRotation(stage);
    if (!stage || !(isRope || isSum(stage))) return; // of a layer that the model does not have, or that computes it in another way
    const parts = stage.inputs;
    const rows = [...this.rowsWith(tensor, parts)];
    if (isRope) this.addRotated(tensor, rows);
    else if (this.holds.has('residual')) {
      const names = parts.map(({ stage, layer }) =>
        layer === tensor.layer || layer === null ? stage : `${stage} of layer ${layer}`,
      );
      for (const { token, row, from } of rows) {
        const terms = from.map((part, i) => ({ name: names[i] as string, row: part }));
        this.findings.add('residual', tensor, token, residual(row, terms));
      }
    }
  }

  private addRotated(tensor: Tensor, rows: readonly RowWith[]): void {
    const rotated = rows.map(({ token, row, from }) => ({ token, before: from[0] as Float32Array, after: row }));
    const heads = this.graph.withLayer(tensor.layer).headsOf(tensor.stage);
    const headDim = heads && tensor.width % (2 * heads) === 0 ? tensor.width / heads : undefined;
    if (this.holds.has('rope-norm')) this.rotations.add(tensor, rotated, headDim);
    const first = rotated.find(({ token }) => token === 0);
    if (first && this.holds.has('rope-identity'))
      this.findings.add('rope-identity', tensor, 0, staysAtZero(first, this.mayScale));
  }

  /** The rows of a stage with those that it is made of, where all of them have come. */
  private *rowsWith(tensor: Tensor, parts: readonly Place[]): Generator<RowWith> {
    for (let i = 0; i < tensor.positions.length; i++) {
      const [row, token] = [rowOf(tensor, i), tensor.positions[i] as number];
      const from = parts.map((part) => this.held.take(tensor.step, part, token));
      const fits = (part: Float32Array | undefined) => part?.length === row.length && allFinite(part);
      if (from.every(fits) && allFinite(row)) yield { token, row, from: from as Float32Array[] };
    }
  }

  private addFirstValue(tensor: Tensor): void {
    const { heads, headsKv } = this.about;
    const [row, v] = [firstRow(tensor), this.firstTokens.valueOf(tensor.layer)];
    if (!row || !v || !heads || !headsKv || !haveHeads(row.length, v.length, { heads, headsKv })) return;
    this.findings.add('first-value', tensor, 0, firstValue(row, v, { heads, headsKv }));
  }
}

interface RowWith {
  readonly token: number;
  readonly row: Float32Array;
  readonly from: readonly Float32Array[];
}
