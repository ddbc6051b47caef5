import type { Tensor } from '@llama-probe/dump';
import { type AboutModel, graphOf } from './graph.js';
import { AttentionRows, type LayerEntropy, observeAttention } from './observations/attention.js';
import { observeGrowth } from './observations/growth.js';
import { type LogitRow, LogitRows } from './observations/logit-rows.js';
import { observeLogits } from './observations/logits.js';
import { mostTelling, type Observation } from './observations/observation.js';
import { RowSizes, type StageRows } from './observations/row-sizes.js';
import { observeRows } from './observations/rows.js';

export type { Observation, ObservationKind } from './observations/observation.js';

/** The numbers of one side that observations are made of. */
export interface SideObservations {
  /** By layer and stage. */
  readonly rows: ReadonlyMap<string, StageRows>;
  /** By step and layer. */
  readonly attention: ReadonlyMap<string, LayerEntropy>;
  readonly logits: readonly LogitRow[];
  /** The stage that each layer ends with. */
  readonly residual: string;
}

/**
 * Takes down what the numbers of one side look like, as its tensors stream by: a few statistics of each row, and no values.
 *
 * @example
 * const [ours, theirs] = [new Observer({ heads: 32 }), new Observer({ heads: 32 })];
 * await compare(ours.pass(engineRun.tensors), theirs.pass(llamaRun.tensors), options);
 * for (const { text } of observe(ours.result(), theirs.result())) console.log(text);
 */
export class Observer {
  private readonly rows: RowSizes;
  private readonly attention: AttentionRows;
  private readonly logits = new LogitRows();
  private readonly residual: string;

  constructor(about: AboutModel) {
    const graph = graphOf(about, [{ layer: 0 }]);
    this.rows = new RowSizes(graph);
    this.residual = graph.lastOf(0)?.stage ?? '';
    this.attention = new AttentionRows(graph.headsOf('kq_soft_max'));
  }

  /** Looks at each tensor and passes it on. */
  async *pass(tensors: AsyncIterable<Tensor>): AsyncGenerator<Tensor> {
    for await (const tensor of tensors) {
      this.add(tensor);
      yield tensor;
    }
  }

  add(tensor: Tensor): void {
    this.rows.add(tensor);
    if (tensor.stage === 'kq_soft_max') this.attention.add(tensor);
    if (tensor.stage === 'result_output') this.logits.add(tensor);
  }

  result(): SideObservations {
    return {
      rows: this.rows.stages,
      attention: this.attention.layers,
      logits: this.logits.rows,
      residual: this.residual,
    };
  }
}

/**
 * What is remarkable about the candidate's numbers, each beside the reference's own: facts to look at, and never a verdict.
 *
 * Of each kind there is one that differs from the reference and one that does not, at the most. What differs comes first.
 *
 * @param name what the reference is called
 */
export function observe(candidate: SideObservations, reference: SideObservations, name: string): Observation[] {
  return mostTelling([
    ...observeRows(candidate.rows, reference.rows, name),
    ...observeAttention(candidate.attention, reference.attention, name),
    ...observeGrowth(candidate.rows, reference.rows, name, candidate.residual),
    ...observeLogits(candidate.logits, reference.logits, name),
  ]);
}
