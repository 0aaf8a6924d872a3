// Every bound of the origin, with its unit.

export const limits = {
  /** Bytes of one published object. */
  contentBytesMax: 26_214_400,
  /** Characters of a content path; R2 keys end at 1,024 bytes. */
  contentPathCharsMax: 900,
  /** Bytes of an administrative JSON body. */
  adminBodyBytesMax: 65_536,
  /** Longest life of a device credential, in seconds. */
  credentialLifetimeSMax: 31_622_400,
  /** Life of a device credential that does not ask for another, in seconds. */
  credentialLifetimeS: 2_592_000,
  /** Devices of a page of the registry. */
  devicesPerPageMax: 1_000,
  /** Readings of a stored segment; a fuller one is split. */
  segmentReadingsMax: 4_096,
  /** Boots of a device whose batches the origin remembers. */
  bootsPerDeviceMax: 256,
  /** Ranges of batch numbers of a boot that the origin remembers. */
  seqRangesPerBootMax: 256,
  /** Idempotency-Keys of a device that the origin remembers. */
  keysPerDeviceMax: 1_024,
  /**
   * How long after its commit a batch that is forgotten here may be sent again and be recognised
   * as doubtful, in milliseconds. A batch without times that comes later counts as new.
   */
  batchRetryMsMax: 3_600_000,
} as const;
