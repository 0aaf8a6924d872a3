// What is a registered device? A name, a generation that outdates older credentials, and what
// operators say of it.

export interface RegisteredDevice {
  readonly device: string;
  /** Credentials are made for a generation: one above the highest that is revoked. */
  readonly generation: number;
  /** Epoch milliseconds. */
  readonly registeredMs: number;
  /** A disabled device may not post until it is enabled again. */
  readonly isDisabled: boolean;
  readonly name: string | null;
  readonly group: string | null;
}

/** What is to be changed; null takes a text away. */
export interface DeviceChange {
  readonly disabled?: boolean | undefined;
  readonly name?: string | null | undefined;
  readonly group?: string | null | undefined;
}

/** A device as the registry kept it before it was replicated. */
export interface DeviceRow {
  readonly device: string;
  readonly generation: number;
  readonly registeredMs: number;
}
