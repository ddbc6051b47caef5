import { type LlamaConfig, turnedOf } from './config.js';
import type { Commands, Deferred } from './kernels.js';
import type { MergedOperations, Operations } from './operations.js';
import type { Weight } from './products/mul-mat.js';

/** A step that was put off. Its result is to be in `dst`. */
type Step = Deferred & { readonly dst: GPUBuffer } & (
    | { readonly kind: 'norm'; readonly x: GPUBuffer }
    | { readonly kind: 'rope'; readonly rotation: GPUBuffer | undefined }
    | { readonly kind: 'product'; readonly weight: Weight; readonly x: GPUBuffer; readonly bias: GPUBuffer | undefined }
  );

/**
 * The same operations in fewer dispatches, each of which a GPU takes time for: a step is put off, and where the next one has need of its result and nobody
 * looks at it in between, both are one kernel. Whatever else is encoded, such as the copy of a stage, comes after it (Commands.defer).
 *
 * | | |
 * |---|---|
 * | norm, weight | one kernel |
 * | product, bias | one kernel, watched or not: in between is no stage |
 * | product, and its sum with the residual stream | the product adds to the stream |
 * | product of up, SwiGLU | the product takes the gate to itself |
 * | RoPE of K, into the cache | RoPE writes to the cache |
 *
 * No number changes. Of a Llama's 21 dispatches a layer 15 are left.
 */
export function merged(op: Operations & MergedOperations, commands: Commands, config: LlamaConfig): Operations {
  const turnsAll = turnedOf(config) === config.headDim; // what is not turned would not get into the cache
  const defer = (step: Step) => commands.defer(step);
  const take = <Kind extends Step['kind']>(kind: Kind, dst: GPUBuffer) => {
    const fits = (deferred: Deferred) => (deferred as Step).kind === kind && (deferred as Step).dst === dst;
    return commands.takeDeferred(fits) as Extract<Step, { kind: Kind }> | undefined;
  };
  return {
    ...op,
    rmsNorm: (dst, x) => defer({ kind: 'norm', dst, x, encode: () => op.rmsNorm(dst, x) }),
    mul(dst, w) {
      const norm = take('norm', dst);
      if (norm) op.normWeighted(dst, norm.x, w);
      else op.mul(dst, w);
    },
    mulMat(dst, weight, x, bias) {
      const encode = () => {
        if (!bias || !op.mulMatInto(dst, weight, x, { bias })) op.mulMat(dst, weight, x, bias);
      };
      defer({ kind: 'product', dst, weight, x, bias, encode });
    },
    add(dst, x) {
      const product = take('product', x);
      if (product && op.mulMatInto(dst, product.weight, product.x, { bias: product.bias, into: 'sum' })) return;
      product?.encode();
      op.add(dst, x);
    },
    swiglu(gate, up) {
      const product = take('product', up);
      if (product && op.mulMatInto(gate, product.weight, product.x, { bias: product.bias, into: 'swiglu' })) return;
      product?.encode();
      op.swiglu(gate, up);
    },
    ropeK(k, rotation) {
      defer({ kind: 'rope', dst: k, rotation, encode: () => op.ropeK(k, rotation) });
    },
    store(cache, x) {
      const rope = turnsAll && cache ? take('rope', x) : undefined;
      if (rope && cache) op.ropeToCache(cache, x, rope.rotation);
      else op.store(cache, x);
    },
  };
}
