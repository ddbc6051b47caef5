import { damaged } from '../errors.js';
import { claimOf, inflatedFault } from './message.js';
import type { Source } from './read-ahead.js';

const CONTINUATION = 0xffffffff;
const LARGEST = 1 << 20; // bytes; the metadata of a message of ours has some hundred

/**
 * Checks that the messages of a stream follow each other to its end, and that none says that it has more than fits into it: of such a one
 * Arrow's reader would look for what is not there for ever.
 *
 * @throws DumpError `dump-damaged`
 */
export async function checkStream(file: Source, path: string, size: number): Promise<void> {
  for (let at = 0, index = 0; ; index++) {
    const head = Buffer.alloc(8);
    await file.read(head, 0, 8, at);
    const [mark, length] = [head.readUInt32LE(0), head.readUInt32LE(4)];
    const name = `message ${index}, at byte ${at},`;
    if (mark !== CONTINUATION) throw damaged(path, `${name} does not begin as one`);
    if (length === 0) {
      if (at + 8 === size) return;
      throw damaged(path, `${name} is the end, and the file has ${size} bytes`);
    }
    if (length > LARGEST || at + 8 + length > size)
      throw damaged(path, `${name} is to have ${length} bytes of metadata`);
    const bytes = Buffer.alloc(length);
    await file.read(bytes, 0, length, at + 8);
    const claim = claimOf(bytes);
    const { isSchema, body, fault } = claim;
    if (fault) throw damaged(path, `${name} ${fault}`);
    const next = at + 8 + length + body;
    if (isSchema !== (index === 0) || !(body >= 0 && next + 8 <= size))
      throw damaged(path, `${name} does not fit together`);
    const wrong = await inflatedFault(file, at + 8 + length, claim);
    if (wrong) throw damaged(path, `${name} ${wrong}`);
    at = next;
  }
}
