import { type Precision, rounded } from '@llama-probe/dump/precision';
import type { LlamaLibrary } from '../library/library.js';
import type { Rows } from './layout.js';
import type { GraphNode } from './node.js';
import { type Match, selector } from './stages.js';
import { isFloat, writeValues } from './values.js';

/** A format of 16 bits. */
export type RoundTo = Exclude<Precision, 'f32'>;

/**
 * Puts each stage's values, rounded to nearest even, in the place of what llama.cpp computed, so that all after it goes on from them: so
 * computes an engine that keeps 16 bits of everything and adds up in f32. Weights, and what is no stage of the vocabulary, are left as they are.
 */
export class Rounding {
  /** Whether it is rounded, by the name of a stage: whatever is captured. */
  readonly isStage = selector({ stages: 'vocabulary' });

  constructor(
    private readonly library: LlamaLibrary,
    private readonly to: RoundTo,
  ) {}

  /**
   * Rounds a node that was computed, there and in `values`.
   *
   * @param values all of the node, in ggml's order @returns whether it was rounded: ids are not, and neither is what is no stage
   */
  round(node: GraphNode, { stage, layer }: Match, values: Float32Array): boolean {
    if (!this.isStage(stage, layer) || !isFloat(node)) return false;
    this.roundAll(values);
    writeValues(this.library, node, values);
    return true;
  }

  /** The same of rows that were copied out of it. What is NaN stays so. */
  roundRows({ values }: Rows): void {
    this.roundAll(values);
  }

  private roundAll(values: Float32Array): void {
    const { to } = this;
    for (let i = 0; i < values.length; i++) values[i] = rounded(values[i] as number, to);
  }
}
