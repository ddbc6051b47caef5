import { DumpError } from '@llama-probe/dump';
import type { core } from 'zod';
import { PieceFile } from '../file.js';
import type { Mapping } from './schema.js';

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
  const { MAPPING } = await import('./schema.js'); // and Zod, which most dumps do without
  const { data: mapping, error } = MAPPING.safeParse(data);
  if (mapping) return mapping;
  const issue = error.issues[0] && nearest(error.issues[0]);
  const place = issue?.path.join('.') || 'the whole';
  const wanted = 'Wanted such as {"tensors": [{"name": "layer{layer}.q", "stage": "q_proj"}]} (docs/formats.md).';
  throw new DumpError('dump-map', `${path}: ${place}: ${issue?.message ?? 'it is no mapping'}. ${wanted}`);
}

/** Where an entry may have several shapes: what is wrong with it as the one that it is nearest to. */
function nearest(issue: core.$ZodIssue): core.$ZodIssue {
  if (issue.code !== 'invalid_union') return issue;
  const [shape] = issue.errors.filter(({ length }) => length > 0).sort((a, b) => a.length - b.length);
  const [inner] = shape ?? [];
  return inner ? nearest({ ...inner, path: [...issue.path, ...inner.path] }) : issue;
}
