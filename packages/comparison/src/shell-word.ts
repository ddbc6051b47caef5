/** A path or a name as one word of a command line that somebody will paste. @example shellWord('my model.gguf') === "'my model.gguf'" */
export const shellWord = (text: string): string =>
  /^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
