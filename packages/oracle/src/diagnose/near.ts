/** A right stage leaves a tenth of the limits, or no more than this many times what the right rows do. */
export const NEAR = 10;
