import { createHash } from 'node:crypto';
import type { About, Pass, Watcher } from '@llama-probe/comparison';
import type { RowPair, StageResult } from '@llama-probe/diff';
import type { Tensor } from '@llama-probe/dump';
import { type Graph, llamaGraph, stageKey } from '@llama-probe/dump/stage';
import { Projector, placeHash, rowHash } from './projections.js';

/** What is kept of a stage instead of its values. */
export interface Sketch {
  /** Values that no mask hides. */
  readonly values: number;
  readonly mean: number;
  readonly rms: number;
  readonly absMax: number;
  /** Values that are not finite. */
  readonly nonFinite: number;
  /** Of the candidate. */
  readonly projections: Float64Array;
  /** Of the reference; null if there is none. */
  readonly reference: Float64Array | null;
  /** Of the candidate's bytes. */
  readonly hash: string;
}

const HEAD = 1 << 20; // between two heads' scores: their place does not depend on how many positions a pass has seen

/** One stage while its rows come in. */
export class StageSketch {
  private readonly candidate = new Projector();
  private readonly reference = new Projector();
  private readonly hash = createHash('sha256');
  private readonly heads: number | undefined;
  private values = 0;
  private sum = 0;
  private sum2 = 0;
  private absMax = 0;
  private nonFinite = 0;
  private hasReference = false;

  /** @param heads how many a row of scores has; undefined for any other stage */
  constructor(heads: number | undefined) {
    this.heads = heads;
  }

  add(token: number, candidate: Float32Array, reference?: Float32Array): void {
    this.hash.update(Int32Array.of(token));
    const row = rowHash(token);
    if (reference) this.hasReference = true;
    if (this.heads === undefined) {
      this.addPart(row, 0, candidate, reference);
      return;
    }
    const nKv = candidate.length / this.heads;
    for (let head = 0; head < this.heads; head++) {
      const [from, to] = [head * nKv, head * nKv + Math.min(token + 1, nKv)]; // what the mask hides is no value
      this.addPart(row, head * HEAD, candidate.subarray(from, to), reference?.subarray(from, to));
    }
  }

  private addPart(row: number, column: number, candidate: Float32Array, reference: Float32Array | undefined): void {
    this.hash.update(new Uint8Array(candidate.buffer, candidate.byteOffset, candidate.byteLength));
    for (let i = 0; i < candidate.length; i++) {
      const place = placeHash(row, column + i);
      const value = candidate[i] as number;
      this.values++;
      if (Number.isFinite(value)) {
        this.candidate.add(place, value);
        this.sum += value;
        this.sum2 += value * value;
        if (value > this.absMax || -value > this.absMax) this.absMax = Math.abs(value);
      } else this.nonFinite++;
      const right = reference?.[i];
      if (right !== undefined && Number.isFinite(right)) this.reference.add(place, right);
    }
  }

  result(): Sketch {
    const finite = Math.max(1, this.values - this.nonFinite);
    return {
      values: this.values,
      mean: this.sum / finite,
      rms: Math.sqrt(this.sum2 / finite),
      absMax: this.absMax,
      nonFinite: this.nonFinite,
      projections: this.candidate.result(),
      reference: this.hasReference ? this.reference.result() : null,
      hash: this.hash.copy().digest('hex').slice(0, 32),
    };
  }
}

type At = Pick<StageResult, 'step' | 'layer' | 'stage' | 'order'>;

/** A stage's sketch with its place. */
export interface SketchedStage extends Sketch, At {
  readonly rows: number;
  readonly width: number;
}

/** Sketches every stage of a comparison's free run while it goes on. */
export class Sketcher implements Watcher {
  private readonly open = new Map<string, { at: At; width: number; rows: number; sketch: StageSketch }>();
  private graph: Graph | undefined;

  begin({ heads }: Pick<About, 'heads'>): void {
    this.graph = llamaGraph({ layers: 1, ...heads });
    this.open.clear();
  }

  stage(pass: Pass, result: At, rows: readonly RowPair[]): void {
    if (pass !== 'free') return;
    for (const { token, candidate, reference } of rows) this.row(result, token, candidate, reference);
  }

  /** A candidate's tensors that nothing is compared with. */
  tensor(tensor: Tensor): void {
    for (const [row, token] of tensor.positions.entries()) {
      this.row(tensor, token, tensor.values.subarray(row * tensor.width, (row + 1) * tensor.width));
    }
  }

  private row(at: At, token: number, candidate: Float32Array, reference?: Float32Array): void {
    const { step, layer, stage, order } = at;
    const key = stageKey(at);
    let open = this.open.get(key);
    if (!open) {
      const heads = this.graph?.isScores(stage) ? this.graph.headsOf(stage) : undefined;
      open = { at: { step, layer, stage, order }, width: 0, rows: 0, sketch: new StageSketch(heads) };
      this.open.set(key, open);
    }
    open.rows++;
    open.width = Math.max(open.width, candidate.length);
    open.sketch.add(token, candidate, reference);
  }

  /** By `stageKey`. */
  result(): ReadonlyMap<string, SketchedStage> {
    return new Map(
      [...this.open].map(([key, { at, rows, width, sketch }]) => [key, { ...at, rows, width, ...sketch.result() }]),
    );
  }
}
