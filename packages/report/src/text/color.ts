import pc from 'picocolors';

/** Colours on a terminal only. picocolors alone would also colour the pipes of a CI job, where `CI` is set. */
export const color = pc.createColors(
  pc.isColorSupported && (process.stdout.isTTY === true || process.env.FORCE_COLOR !== undefined),
);
