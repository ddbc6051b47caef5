import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ModelError } from './errors.js';
import { damaged, type GgufPart, readPart, type TensorInfo } from './gguf-part.js';

// llama.cpp's split models (tools/gguf-split, llama_split_path of v0.5.0): the files are called NAME-00001-of-00003.gguf and on, each has the
// keys split.no (from 0), split.count and split.tensors.count (of the whole model), and the first one has all other metadata.

/** Where a file stands in a split model. */
interface Place {
  readonly no: number;
  readonly count: number;
}

/**
 * The whole model that a file is a part of: the metadata of the first part, the tensors of all. A file that is no part is returned as it is.
 *
 * @throws ModelError `model-split`
 */
export async function joinParts(given: GgufPart): Promise<GgufPart> {
  const place = placeOf(given);
  if (!place) return given;
  const { count } = place;
  const stem = stemOf(given.path, place);
  const paths = Array.from({ length: count }, (_, no) => join(dirname(given.path), nameOf(stem, { no, count })));
  const missing = paths.filter((path) => !existsSync(path));
  if (missing.length > 0) {
    const [first, more] = [missing[0], missing.length > 1 ? ` (and ${missing.length - 1} more)` : ''];
    throw split(
      `${first}${more}: no such file. ${basename(given.path)} is part ${place.no + 1} of a model in ${count} files; put all of them into one folder.`,
    );
  }
  const parts: GgufPart[] = [];
  const tensors = new Map<string, TensorInfo>();
  for (const [no, path] of paths.entries()) {
    const part = no === place.no ? given : await readPart(path);
    checkPlace(part, { no, count });
    checkTotal(part, parts[0] ?? part);
    for (const [name, tensor] of part.tensors) {
      const before = tensors.get(name);
      if (before)
        throw split(`${path}: ${name} is in ${basename(before.path)}, too: they are not of one model. ${AGAIN}`);
      tensors.set(name, tensor);
    }
    parts.push(part);
  }
  const [first] = parts as [GgufPart];
  const total = totalOf(first);
  if (total !== undefined && tensors.size !== total) {
    throw split(
      `${first.path}: its ${count} parts have ${tensors.size} tensors together, and split.tensors.count is ${total}. ${AGAIN}`,
    );
  }
  return { ...first, bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0), tensors };
}

const AGAIN = 'Download all parts again from one place, or split the model again.';

const split = (message: string): ModelError => new ModelError('model-split', message);

/** @returns undefined of a file that is the whole model */
function placeOf({ path, metadata }: GgufPart): Place | undefined {
  const [no, count] = [Number(metadata['split.no'] ?? 0), Number(metadata['split.count'] ?? 0)];
  if (count === 0 || count === 1) return undefined;
  if (!isWhole(count) || !isWhole(no) || count > MOST || no >= count) {
    throw damaged(
      path,
      `split.no is ${no} and split.count ${count}; wanted the number of a part, from 0, and how many there are`,
    );
  }
  return { no, count };
}

const MOST = 65535; // the keys have 16 bits
const isWhole = (value: number): boolean => Number.isInteger(value) && value >= 0;

const five = (n: number): string => String(n).padStart(5, '0');

/** @example nameOf('model', { no: 0, count: 3 }) === 'model-00001-of-00003.gguf' */
const nameOf = (stem: string, { no, count }: Place): string => `${stem}-${five(no + 1)}-of-${five(count)}.gguf`;

const NAME = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/;

/** What the names of all parts begin with. @throws ModelError where the file's own name is not that of its place */
function stemOf(path: string, place: Place): string {
  const name = basename(path);
  const [, stem, no, count] = NAME.exec(name) ?? [];
  if (stem !== undefined && Number(no) === place.no + 1 && Number(count) === place.count) return stem;
  const wanted = nameOf(stem ?? name.replace(/\.gguf$/i, ''), place);
  throw split(
    `${path}: is part ${place.no + 1} of ${place.count} by its metadata, and the other parts are found by its name, here and by llama.cpp: ` +
      `wanted ${wanted}. Give each part the name of its place, or join them: llama-gguf-split --merge FIRST-PART OUTPUT.`,
  );
}

function checkPlace(part: GgufPart, { no, count }: Place): void {
  const own = placeOf(part);
  if (own?.no === no && own.count === count) return;
  const is = own
    ? `is part ${own.no + 1} of ${own.count} by its metadata`
    : 'is no part of a split model by its metadata';
  throw split(
    `${part.path}: ${is}, and part ${no + 1} of ${count} by its name. Give each part the name of its place. ${AGAIN}`,
  );
}

function checkTotal(part: GgufPart, first: GgufPart): void {
  const [own, wanted] = [totalOf(part), totalOf(first)];
  if (own === wanted) return;
  throw split(
    `${part.path}: is a part of a model of ${own ?? 'no'} tensors, and ${basename(first.path)} is one of ${wanted ?? 'no'} (split.tensors.count): it is of another model. ${AGAIN}`,
  );
}

function totalOf({ metadata }: GgufPart): number | undefined {
  const total = metadata['split.tensors.count'];
  return total === undefined ? undefined : Number(total);
}
