/** The shortest prefix that diverges, run with so many tokens at once. */
export interface ChunkRun {
  readonly size: number;
  /** The first position that is over the limit; null where it agrees. */
  readonly position: number | null;
}

/** @returns the first position over the limit when the prefix is cut into chunks of so many tokens, or undefined */
export type ProbeChunks = (size: number) => Promise<number | undefined>;

/**
 * Whether a divergence depends on how the prompt is cut, on the fewest tokens that diverge.
 *
 * What was cut is run in chunks as long as the candidate takes, at best in one, and what was not is run in two. If that agrees, the size at which it turns is
 * found by halves, which takes for granted that there is one such size. So there are at most as many runs as the tokens can be halved, and one more.
 *
 * @param tokens of the prefix
 * @param known the run that diverges, of one chunk where its size is that of the prefix
 * @param most how many tokens the candidate takes at once
 * @returns all runs, the known one too, the smallest chunks first
 */
export async function chunksOf(
  tokens: number,
  known: { readonly size: number; readonly position: number },
  most: number,
  probe: ProbeChunks,
): Promise<ChunkRun[]> {
  const runs: ChunkRun[] = [known];
  const diverges = async (size: number): Promise<boolean> => {
    const position = (await probe(size)) ?? null;
    runs.push({ size, position });
    return position !== null;
  };
  let wrong = known.size;
  let right = wrong < tokens ? most : Math.ceil(tokens / 2);
  if (right !== wrong && !(await diverges(right)))
    while (Math.abs(right - wrong) > 1) {
      const half = Math.floor((right + wrong) / 2);
      if (await diverges(half)) wrong = half;
      else right = half;
    }
  return runs.sort((a, b) => a.size - b.size);
}

/** What these runs say, in a sentence; nothing of a single token. */
export function chunksFound(tokens: number, runs: readonly ChunkRun[], used: number): string {
  const name = (size: number) => (size === tokens ? `in one chunk of ${size}` : `with chunks of ${size}`);
  const wrong = runs.filter(({ position }) => position !== null);
  const right = runs.filter(({ position }) => position === null).map(({ size }) => size);
  const known = wrong.find(({ size }) => size === used);
  if (!known || known.position === null) return '';
  const others = wrong.filter((run) => run !== known);
  const nearest = used < tokens ? others.at(-1) : others[0]; // the last size on the way that diverges
  const [turn, far] = used < tokens ? [right[0], right.at(-1)] : [right.at(-1), undefined];
  if (turn === undefined) {
    if (nearest)
      return `${begun(name(used))} it is wrong, and ${name(nearest.size)} too, from position ${nearest.position} on.`;
    return tokens === 1
      ? ''
      : `The prompt is cut into chunks of ${used} there, and the candidate takes no more at once: whether the cut matters is not known.`;
  }
  const chunk = used < tokens && known.position % used === 0 ? known.position / used + 1 : 1;
  const begin = chunk > 1 ? `, the first of chunk ${chunk}` : '';
  const lead =
    far === tokens
      ? 'On these tokens it is there only where they are cut'
      : 'On these tokens it depends on the size of the chunks';
  const agree = [turn, ...(far === undefined || far === turn ? [] : [far])].map(name).join(' and ');
  const parts = [
    `${name(used)} it is wrong from position ${known.position} on${begin}`,
    ...(nearest ? [`${name(nearest.size)} too`] : []),
    `${agree} it agrees`,
  ];
  return `${lead}: ${parts.join('; ')}.`;
}

const begun = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
