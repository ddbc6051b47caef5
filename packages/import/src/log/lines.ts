import { createReadStream } from 'node:fs';

const LONGEST = 8192; // characters; no line of values or of a node has so many

/** The lines of a text, without colours. Of a line that is longer than any of a log the rest is dropped, so that memory stays bounded. */
export async function* linesOf(path: string, end = Number.POSITIVE_INFINITY): AsyncGenerator<string> {
  const source = createReadStream(path, { encoding: 'latin1', end });
  let rest = '';
  for await (const chunk of source as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = (lines.pop() ?? '').slice(0, LONGEST);
    for (const line of lines) yield plain(line.slice(0, LONGEST));
  }
  if (rest !== '') yield plain(rest);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: what colours begin with
const plain = (line: string): string => line.replace(/\x1b\[[\d;]*m/g, '').trimEnd();
