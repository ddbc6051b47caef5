/** Is told what is going on. */
export interface Progress {
  /** What is being done, or waited for. @example progress.say('uploading weights: 40 %') */
  say(message: string): void;
}

/** The same, of one of several things. @example within(progress, 'case 2 of 3').say('uploading weights') */
export const within = ({ say }: Progress, label: string): Progress => ({
  say: (message) => say(`${label}: ${message}`),
});
