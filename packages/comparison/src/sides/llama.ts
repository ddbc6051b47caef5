import { llamaGraph } from '@llama-probe/dump';
import type { GgufFile } from '@llama-probe/engine';
import type { Reference } from '@llama-probe/reference';
import { floorOf } from '../floors/choose.js';
import { referenceMetadata } from '../metadata.js';
import type { ChosenMode } from '../model.js';
import type { RunPlan, Side, TextTools } from '../side.js';

/** llama.cpp. */
export function llamaSide(reference: Reference, file: GgufFile, { mode, why }: ChosenMode): Side {
  const { name, version, cpuVariant, model } = reference.info;
  const heads = { heads: model.headCount, headsKv: model.headCountKv };
  const isLlama = model.architecture === 'llama';
  return {
    about: {
      name,
      version,
      backend: `CPU, ${cpuVariant}`,
      mode,
      why,
      cpuVariant,
      model: {
        file: file.path,
        arch: model.architecture,
        quantization: model.quantization,
        layers: model.layers,
        bytes: file.bytes,
      },
      heads,
      graph: isLlama ? llamaGraph({ layers: model.layers, ...heads }) : undefined,
    },
    text: textTools(reference, file),
    run: ({ signal: _, ...run }) => reference.run(run),
    floor: (run: RunPlan, signal) => floorOf(reference, file, withoutSignal(run), signal),
    describe: (about) => referenceMetadata(reference, file, mode, about),
    close: () => reference.close(),
  };
}

const withoutSignal = ({ signal: _, from: __, ...run }: RunPlan) => run;

/** llama.cpp's tokeniser. */
export function textTools(reference: Reference, { metadata }: Pick<GgufFile, 'metadata'>): TextTools {
  let after: number | undefined;
  let before: Promise<string> | undefined;
  return {
    tokenize: (text, options) => reference.tokenize(text, options),
    chat: (prompt) => reference.chat(prompt),
    // By themselves, ids would lose the space that llama.cpp strips from the beginning of a text.
    async continuation(last, ids) {
      if (metadata['tokenizer.ggml.model'] === 'no_vocab') return null;
      if (after !== last || !before) {
        after = last;
        before = reference.detokenize([last]);
      }
      const text = await reference.detokenize([last, ...ids]);
      return text.startsWith(await before) ? text.slice((await before).length) : reference.detokenize(ids);
    },
  };
}
