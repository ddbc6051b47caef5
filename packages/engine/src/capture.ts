/** What somebody does all the same whose model, or a part of it, the engine does not compute. */
export const CAPTURE =
  'Where llama.cpp runs such a model, capture its side (probe capture --from llama), and hold a dump of your engine to that (probe diff), or have yours run beside it (probe compare --engine). Whether llama.cpp agrees with itself there: probe compare --candidate llama.';
