import { freemem } from 'node:os';
import type { AdapterInfo } from './adapter/index.js';
import type { GgufFile, TensorInfo } from './gguf.js';
import type { Layer, LlamaTensors, Model } from './model.js';
import { packedRowBytes } from './pack.js';
import { patiently } from './patient.js';
import type { Weight, WeightType } from './products/mul-mat.js';
import { isVectorName } from './tensors.js';
import { goesIntoTexture, type WeightData, writtenBytes } from './weight-data.js';
import { destroyAll, release, type Uploader, uploadFactors, uploading, uploadLayer } from './weights.js';

/** Awaits an upload. */
export type AroundUpload = <T>(upload: () => Promise<T>) => Promise<T>;

/**
 * A model whose weights are on the GPU while they are needed: the embedding with the first layer, each layer by itself, and the head at last. Every
 * pass uploads all of them again.
 *
 * @throws RunError `out-of-memory` where not even the parts that a layer needs are held
 */
export async function streamModel(
  device: GPUDevice,
  kind: AdapterInfo['kind'],
  file: GgufFile,
  tensors: LlamaTensors,
  around: AroundUpload = (upload) => upload(),
): Promise<Model> {
  const upload = <T>(use: (upload: Uploader) => Promise<T>) =>
    around(() => uploading(device, kind, file.path, () => {}, use));
  const kept = await upload(async (upload) => ({
    outputNorm: await upload.vector(tensors.outputNorm),
    factors: await uploadFactors(upload, tensors),
    bytes: upload.allocated,
    made: upload.made,
  }));
  const { blk, tokenEmbd, output } = tensors;
  let part: Part = { at: undefined, made: [] };
  let most = kept.bytes;
  const loaded = <T>(weights: T | undefined, what: string): T => {
    if (!weights) throw new Error(`${what} is not loaded`);
    return weights;
  };
  return {
    tensors,
    get tokenEmbd() {
      return loaded(part.tokenEmbd, tokenEmbd.name);
    },
    blk: {
      *entries() {
        for (const il of blk.keys()) yield [il, loaded(part.at === il ? part.layer : undefined, `layer ${il}`)];
        return undefined;
      },
    },
    outputNorm: kept.outputNorm,
    get output() {
      return loaded(part.output, output.name);
    },
    ...kept.factors,
    get bytes() {
      return most;
    },
    async load(at) {
      await patiently(device.queue.onSubmittedWorkDone());
      await release(device, part.made);
      part = { at: undefined, made: [] };
      part = await upload(async (upload) => {
        const made = {
          at,
          made: upload.made,
          ...(at === 0 ? { tokenEmbd: await upload.matrix(tokenEmbd) } : {}),
          ...(at === null
            ? { output: await upload.matrix(output) }
            : { layer: await uploadLayer(upload, blk[at] as LlamaTensors['blk'][number]) }),
        };
        most = Math.max(most, kept.bytes + upload.allocated);
        return made;
      });
    },
    free() {
      destroyAll([...kept.made, ...part.made]);
    },
  };
}

/** What is on the GPU besides what always is. */
interface Part {
  readonly at: number | null | undefined;
  readonly made: readonly WeightData[];
  readonly tokenEmbd?: Weight;
  readonly layer?: Layer;
  readonly output?: Weight;
}

/**
 * Whether all weights can be there at once. WebGPU does not say how much memory a GPU has: of one it is tried. What computes on the CPU takes it
 * from the system, which would rather end a process than refuse; there, a heuristic, so much must be free.
 */
export const mayFit = (kind: AdapterInfo['kind'], { tokenEmbd, blk, output, outputNorm }: LlamaTensors): boolean => {
  if (kind === 'gpu') return true;
  const all = new Set<TensorInfo>([tokenEmbd, output, outputNorm, ...blk.flatMap((layer) => Object.values(layer))]);
  return [...all].reduce((sum, tensor) => sum + bytesOn(kind, tensor), 0) < freemem();
};

function bytesOn(kind: AdapterInfo['kind'], { name, type, shape }: TensorInfo): number {
  const all = shape.reduce((product, count) => product * count, 1);
  if (isVectorName(name, shape)) return packedRowBytes('F32', all);
  const [columns = 1] = shape;
  const packedBytes = packedRowBytes(type.name as WeightType, columns);
  return writtenBytes(all / columns, packedBytes, goesIntoTexture(kind, shape));
}
