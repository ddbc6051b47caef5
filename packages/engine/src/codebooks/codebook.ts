import { WEIGHT_TYPES, type WeightType } from '../weight-types.js';
import { POINTS } from './points.js';

const kept = new WeakMap<GPUDevice, Map<string, GPUBuffer>>();

/** The codebook that a type's shader reads, on the device: made once for each, and gone with it. */
export function codebookOf(device: GPUDevice, type: WeightType): GPUBuffer | undefined {
  const { codebook } = WEIGHT_TYPES[type];
  if (!codebook) return undefined;
  const ofDevice = kept.get(device) ?? new Map<string, GPUBuffer>();
  kept.set(device, ofDevice);
  const known = ofDevice.get(codebook);
  if (known) return known;
  const bytes = new Uint8Array(Buffer.from(POINTS[codebook].join(''), 'base64'));
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  const buffer = device.createBuffer({ label: `codebook ${codebook}`, size: bytes.length, usage });
  device.queue.writeBuffer(buffer, 0, bytes);
  ofDevice.set(codebook, buffer);
  return buffer;
}
