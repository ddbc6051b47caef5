/** A stage's delta, and what it may be. */
export interface DeltaPoint {
  readonly x: number;
  /** Where it stands, in words. */
  readonly name: string;
  readonly delta: number;
  /** −1 where it was not measured. */
  readonly floor: number;
  readonly limit: number;
  readonly isWrong: boolean;
  /** The fault that it inherits, in words; its rows are folded. */
  readonly inherits?: string | undefined;
}
