/** What a GGUF file says of its tensors and hyperparameters. */
export interface ModelHeader {
  readonly architecture: string;
  /** By key. Of a list of texts it is enough to know that it is one. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly tensors: readonly { readonly name: string; readonly shape: readonly number[] }[];
}
