// What is a registered device? A name, a generation that outdates older credentials, and dates.

/** One row of the registry. */
export interface RegisteredDevice {
  readonly device: string;
  /** Credentials are made for a generation. */
  readonly generation: number;
  /** Epoch milliseconds. */
  readonly registeredMs: number;
}
