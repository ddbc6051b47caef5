/**
 * What an engine computed, as a .safetensors file that `probe diff` reads. For browsers and Node; it imports nothing.
 *
 *     import { ProbeDump } from './probe-dump.js';
 *     const dump = new ProbeDump();
 *     dump.keep('embd', null, x, [tokens, width]); //                  the embedding
 *     dump.keep('q_rope', layer, q, [tokens, heads * headDim]); //     wherever a stage has been computed
 *     dump.keep('result_output', null, logits, [tokens, vocabulary]);
 *     await writeFile('mine.safetensors', dump.bytes(ids)); //         or dump.blob(ids), for a download
 *
 * Of a buffer on the GPU, keep what its `mapAsync` has read back.
 */
export class ProbeDump {
  /** What each stage has so far, by its name. */
  #stages = new Map();

  /**
   * Copies the rows of a stage. An engine that runs token by token calls this again for the next rows.
   *
   * @param {string} name llama.cpp's, such as 'l_out' or 'q_rope', or your own
   * @param {number | null} layer from 0; null for what is in no layer
   * @param {ArrayLike<number>} values floats; the last dimension varies fastest
   * @param {number[]} shape [tokens, width]; [heads, tokens, tokens] for scores, of all tokens at once
   */
  keep(name, layer, values, shape) {
    const size = shape.reduce((product, length) => product * length, 1);
    const key = layer === null ? name : `${name}-${layer}`;
    const before = this.#stages.get(key);
    if (values.length !== size) throw new Error(`${key}: ${values.length} values, and [${shape}] has ${size}`);
    if (before && (shape.length !== 2 || shape[1] !== before.shape[1])) {
      throw new Error(`${key}: [${shape}] are no more rows of [${before.shape}]`);
    }
    const {
      parts,
      shape: [rows],
    } = before ?? { parts: [], shape: [0] };
    parts.push(Float32Array.from(values));
    this.#stages.set(key, { parts, shape: [rows + shape[0], ...shape.slice(1)] });
  }

  /** @param {ArrayLike<number>} ids the tokens that were run, one for each row */
  blob(ids) {
    const header = { tokens: { dtype: 'I32', shape: [ids.length], data_offsets: [0, 4 * ids.length] } };
    const parts = [Int32Array.from(ids)];
    let end = 4 * ids.length;
    for (const [name, stage] of this.#stages) {
      const begin = end;
      for (const part of stage.parts) end += part.byteLength;
      header[name] = { dtype: 'F32', shape: stage.shape, data_offsets: [begin, end] };
      parts.push(...stage.parts);
    }
    const text = new TextEncoder().encode(JSON.stringify(header));
    const length = new DataView(new ArrayBuffer(8));
    length.setUint32(0, text.length, true);
    return new Blob([length, text, ...parts]);
  }

  /** The same as bytes. @returns {Promise<Uint8Array>} */
  async bytes(ids) {
    return new Uint8Array(await this.blob(ids).arrayBuffer());
  }
}
