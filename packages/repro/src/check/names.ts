/** The languages that a check can be written in. */
export const LANGUAGES = ['python', 'rust', 'cpp', 'javascript'] as const;

export type Language = (typeof LANGUAGES)[number];
