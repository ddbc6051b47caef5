import { DumpError } from '@llama-probe/dump';
import { PieceFile } from '../file.js';
import { MAPPING, type Mapping } from './schema.js';

const LONGEST = 4 << 20; // bytes

/** A mapping file. @throws DumpError `dump-map` where it is none, naming the first place that is wrong */
export async function readMapping(path: string): Promise<Mapping> {
  const file = await PieceFile.open(path);
  let data: unknown;
  try {
    if (file.bytes > LONGEST) throw new SyntaxError(`it has ${file.bytes} bytes`);
    data = JSON.parse(new TextDecoder().decode(await file.read(0, file.bytes)));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new DumpError('dump-map', `${path}: is not JSON (${cause.message}). docs/formats.md has a mapping file.`, {
      cause,
    });
  } finally {
    await file.close();
  }
  const { data: mapping, error } = MAPPING.safeParse(data);
  if (mapping) return mapping;
  const issue = error.issues[0];
  const place = issue?.path.join('.') || 'the whole';
  const wanted = 'Wanted such as {"tensors": [{"name": "layer{layer}.q", "stage": "q_proj"}]} (docs/formats.md).';
  throw new DumpError('dump-map', `${path}: ${place}: ${issue?.message ?? 'it is no mapping'}. ${wanted}`);
}
