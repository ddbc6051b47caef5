import type { AdapterInfo } from './adapter/index.js';
import { type LlamaConfig, turnedOf } from './config.js';
import type { Commands, Deferred } from './kernels.js';
import type { MergedOperations, Operations } from './operations.js';
import type { Weight } from './products/mul-mat.js';

/** A step that was put off. Its result is to be in `dst`. */
type Step = Deferred & { readonly dst: GPUBuffer } & (
    | { readonly kind: 'sum'; readonly x: GPUBuffer }
    | { readonly kind: 'norm'; readonly x: GPUBuffer; readonly ofSum: boolean }
    | { readonly kind: 'rope'; readonly rotation: GPUBuffer | undefined }
    | { readonly kind: 'stored'; with(v: GPUBuffer, vCache: GPUBuffer): void }
    | { readonly kind: 'product'; readonly weight: Weight; readonly x: GPUBuffer; readonly bias: GPUBuffer | undefined }
  );

/**
 * The same operations in fewer dispatches, each of which takes time by itself (35 µs on llvmpipe): a step is put off, and where the next one has need of its
 * result and nobody looks at it in between, both are one kernel. Whatever else is encoded, such as the copy of a stage, comes after it (Commands.defer).
 *
 * | | |
 * |---|---|
 * | norm, weight | one kernel |
 * | sum with the residual stream, norm, weight | one kernel, which does both rows |
 * | RoPE of K, into the cache, V into its own | RoPE writes to both caches |
 * | product, bias | one kernel, watched or not: in between is no stage |
 * | product, and its sum with the residual stream | the product adds to the stream |
 * | product of up, SwiGLU | the product takes the gate to itself |
 *
 * No number changes. Of a Llama's 21 dispatches a layer 14 are left on a GPU. On a CPU it is 15: its compiler takes longer for another product than that saves.
 */
export function merged(
  op: Operations & MergedOperations,
  commands: Commands,
  config: LlamaConfig,
  family: AdapterInfo['class'],
): Operations {
  const turnsAll = turnedOf(config) === config.headDim; // what is not turned would not get into the cache
  const defer = (step: Step) => commands.defer(step);
  type Of<Kind> = Extract<Step, { kind: Kind }>;
  const take = <Kind extends Step['kind']>(kind: Kind, fits: (step: Of<Kind>) => boolean) =>
    commands.takeDeferred((step) => (step as Step).kind === kind && fits(step as Of<Kind>)) as Of<Kind> | undefined;
  /** Whether the product that makes `made` takes on the step that it is made for. */
  const inProduct = (made: GPUBuffer, dst: GPUBuffer, into: 'sum' | 'swiglu'): boolean => {
    const product = take('product', (step) => step.dst === made);
    if (product && op.mulMatInto(dst, product.weight, product.x, { bias: product.bias, into })) return true;
    product?.encode();
    return false;
  };
  const onAll: Operations = {
    ...op,
    rmsNorm(dst, x) {
      const ofSum = take('sum', (sum) => sum.dst === x && sum.x === dst) !== undefined;
      const encode = () => {
        if (ofSum) op.add(x, dst);
        op.rmsNorm(dst, x);
      };
      defer({ kind: 'norm', dst, x, ofSum, encode });
    },
    mul(dst, w) {
      const norm = take('norm', (step) => step.dst === dst);
      if (norm) op.normWeighted(dst, norm.x, w, norm.ofSum);
      else op.mul(dst, w);
    },
    add(dst, x) {
      if (!inProduct(x, dst, 'sum')) defer({ kind: 'sum', dst, x, encode: () => op.add(dst, x) });
    },
    ropeK(k, rotation) {
      defer({ kind: 'rope', dst: k, rotation, encode: () => op.ropeK(k, rotation) });
    },
    store(cache, x) {
      const rope = turnsAll && cache ? take('rope', (step) => step.dst === x) : undefined;
      const stored = cache && take('stored', () => true);
      if (rope && cache) {
        const store = (...v: [] | [v: GPUBuffer, vCache: GPUBuffer]) => op.ropeToCache(cache, x, rope.rotation, ...v);
        defer({ kind: 'stored', dst: cache, with: store, encode: store });
      } else if (stored) stored.with(x, cache);
      else op.store(cache, x);
    },
  };
  if (family === 'cpu') return onAll;
  return {
    ...onAll,
    mulMat(dst, weight, x, bias) {
      const encode = () => {
        if (!bias || !op.mulMatInto(dst, weight, x, { bias })) op.mulMat(dst, weight, x, bias);
      };
      defer({ kind: 'product', dst, weight, x, bias, encode });
    },
    swiglu(gate, up) {
      if (!inProduct(up, gate, 'swiglu')) op.swiglu(gate, up);
    },
  };
}
