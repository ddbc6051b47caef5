import { type DumpMetadata, DumpWriter, openDump, type Tensor } from '@llama-probe/dump';
import { path } from './probe.js';

/** A dump in memory, to change. */
export interface Loaded {
  metadata: DumpMetadata;
  tensors: Tensor[];
}

export async function loadDump(file: string): Promise<Loaded> {
  const dump = await openDump(file);
  const tensors: Tensor[] = [];
  for await (const tensor of dump.tensors()) tensors.push(tensor);
  await dump.close();
  return { metadata: dump.metadata, tensors };
}

/** Writes it with one thing changed; the path of the new dump. */
export function writeDump({ metadata, tensors }: Loaded, change: (tensors: Tensor[]) => Tensor[]): string {
  const file = path('changed.arrow');
  const writer = new DumpWriter(file);
  for (const tensor of change(tensors)) writer.write(tensor);
  writer.close(metadata);
  return file;
}
