import type { TensorInfo } from './gguf.js';
import type { Weight } from './products/mul-mat.js';

/** A model's tensors under the file's own names, checked for presence, shape and type. */
export interface LlamaTensors {
  readonly tokenEmbd: TensorInfo;
  readonly blk: readonly LayerTensors[];
  readonly outputNorm: TensorInfo;
  /** The embedding where the head is tied. */
  readonly output: TensorInfo;
  readonly ropeFreqs?: TensorInfo;
  /** Of a longrope: for more positions than the model was first trained on, and for fewer. */
  readonly ropeFactorsLong?: TensorInfo;
  readonly ropeFactorsShort?: TensorInfo;
}

export type LayerTensors = LayerParts<TensorInfo, TensorInfo>;

/** Everything that a layer of some architecture has. Which of it there is, the architecture says; biases, the file. */
export interface LayerParts<Matrix, Vector> {
  readonly attnNorm: Vector; // (embeddingLength)
  readonly attnQ: Matrix; // (heads · headDim, embeddingLength)
  readonly attnK: Matrix; // (kvHeads · headDim, embeddingLength)
  readonly attnV: Matrix; // (kvHeads · headDim, embeddingLength)
  readonly attnQBias?: Vector; // (heads · headDim)
  readonly attnKBias?: Vector; // (kvHeads · headDim)
  readonly attnVBias?: Vector; // (kvHeads · headDim)
  readonly attnQNorm: Vector; // (headDim) or (heads · headDim)
  readonly attnKNorm: Vector; // (headDim) or (kvHeads · headDim)
  readonly attnSinks?: Vector; // (heads)
  readonly attnOutput: Matrix; // (embeddingLength, heads · headDim)
  readonly attnOutputBias?: Vector; // (embeddingLength)
  readonly attnPostNorm: Vector; // (embeddingLength)
  readonly ffnNorm: Vector; // (embeddingLength)
  readonly ffnGate: Matrix; // (feedForwardLength, embeddingLength)
  readonly ffnGateBias?: Vector; // (feedForwardLength)
  readonly ffnUp: Matrix; // (feedForwardLength, embeddingLength)
  readonly ffnUpBias?: Vector; // (feedForwardLength)
  readonly ffnDown: Matrix; // (embeddingLength, feedForwardLength)
  readonly ffnDownBias?: Vector; // (embeddingLength)
  readonly ffnPostNorm: Vector; // (embeddingLength)
  readonly ffnGateInp: Matrix; // (experts, embeddingLength)
  readonly ffnGateInpBias: Vector; // (experts)
  readonly ffnGateExps: Matrix; // (experts · feedForwardLength, embeddingLength)
  readonly ffnGateExpsBias: Vector; // (experts, feedForwardLength)
  readonly ffnUpExps: Matrix; // (experts · feedForwardLength, embeddingLength)
  readonly ffnUpExpsBias: Vector; // (experts, feedForwardLength)
  readonly ffnDownExps: Matrix; // (experts · embeddingLength, feedForwardLength)
  readonly ffnDownExpsBias: Vector; // (experts, embeddingLength)
}

/** The weights on the GPU, under the file's own names. Matrices stay quantised, packed for the kernels (pack.ts). */
export interface Model {
  /** What they are made of. */
  readonly tensors: LlamaTensors;
  readonly tokenEmbd: Weight; // (vocabulary, embeddingLength)
  /** A pass walks through them, and looks at none before its turn. */
  readonly blk: Pick<readonly Layer[], 'entries'>;
  readonly outputNorm: GPUBuffer; // (embeddingLength)
  readonly output: Weight; // (vocabulary, embeddingLength)
  readonly ropeFreqs?: Float32Array; // (turned / 2)
  readonly ropeFactorsLong?: Float32Array; // (turned / 2)
  readonly ropeFactorsShort?: Float32Array; // (turned / 2)
  /** The most that there were at a time. */
  readonly bytes: number;
  /**
   * Of weights that are streamed (streamed.ts): puts those of a layer, or of what comes after the last one, in the place of those before. What was
   * encoded must have been submitted.
   */
  readonly load?: (layer: number | null) => Promise<void>;
  /** Destroys their buffers. */
  free(): void;
}

export type Layer = LayerParts<Weight, GPUBuffer>;
