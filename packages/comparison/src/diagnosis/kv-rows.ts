import { type Place, placeKey } from '@llama-probe/dump/stage';

/** The rows of K and V by layer and position, over all passes of a run. */
export class KvRows {
  private readonly rows = new Map<string, Float32Array[]>();

  /** @param cached the stages that fill the cache */
  constructor(private readonly cached: ReadonlySet<string>) {}

  /** @param values (tokens, kvHeads · headDim); what does not fill the cache is left out */
  add({ stage, layer }: Place, firstPosition: number, width: number, values: Float32Array): void {
    if (!this.cached.has(stage)) return;
    const key = placeKey({ stage, layer });
    const positions = this.rows.get(key) ?? [];
    this.rows.set(key, positions);
    for (let row = 0; row * width < values.length; row++) {
      positions[firstPosition + row] = values.slice(row * width, (row + 1) * width);
    }
  }

  /** The positions 0 … nKv − 1, (nKv, kvHeads · headDim); undefined where one is missing. */
  upTo({ stage, layer }: Place, nKv: number): Float64Array | undefined {
    const positions = this.rows.get(placeKey({ stage, layer })) ?? [];
    const width = positions[0]?.length ?? 0;
    const all = new Float64Array(nKv * width);
    for (let position = 0; position < nKv; position++) {
      const row = positions[position];
      if (!row) return undefined;
      all.set(row, position * width);
    }
    return all;
  }
}
