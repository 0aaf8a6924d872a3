// Every bound of the origin, with its unit.

export const limits = {
  /** Bytes of one published object. */
  contentBytesMax: 26_214_400,
  /** Characters of a content path; R2 keys end at 1,024 bytes. */
  contentPathCharsMax: 900,
  /** Bytes of an administrative JSON body. */
  adminBodyBytesMax: 65_536,
  /** How often a rule's change begins anew because somebody else has published meanwhile. */
  publishTurnsMax: 8,
  /** How often the registry looks for alerts that were over long ago. */
  alertSweepMs: 60_000,
  /** Bytes of a patch of a shadow; the bounds of fields are those of state/shadow.ts. */
  shadowBodyBytesMax: 65_536,
  /** Bytes of a command, and how often the registry looks for those that were over long ago. */
  commandBodyBytesMax: 16_384,
  commandSweepMs: 60_000,
  /** Longest life of a device credential, in seconds. */
  credentialLifetimeSMax: 31_622_400,
  /** Life of a device credential that does not ask for another, in seconds. */
  credentialLifetimeS: 2_592_000,
  /** How long an isolate goes by what it was told of the issuers' keys. */
  issuersHeldMs: 1_000,
  /** Devices of a page of the registry. */
  devicesPerPageMax: 1_000,
  /** Devices of the registry: it is held in one object's memory, and in that of every region. */
  registryDevicesMax: 40_000,
  /**
   * Names of devices that the registry has or had, because what is refused of them is kept for good:
   * as many as each isolate of a region is told of (edge/limits.ts).
   */
  registryNamesMax: 65_536,
  /** Characters of what a device is called, and of its group's name. */
  deviceNameCharsMax: 128,
  deviceGroupCharsMax: 64,
  /** How long a region that is silent is waited for before it has to be told everything anew. */
  regionLeaseMs: 2_592_000_000,
  /** Gaps of a device that an answer lists. */
  gapsListedMax: 1_000,
  /** Minutes of streams of a page of what was thinned, and hours that are read for it. */
  thinnedMinutesDefault: 1_000,
  thinnedMinutesMax: 10_000,
  thinnedHoursMax: 256,
  /**
   * Entries that could not be counted and are set aside, and bytes of them; what comes past it is
   * counted, and gone. Entries of a page of them, and of those that one request replays.
   */
  poisonEntriesMax: 1_024,
  poisonBytesMax: 67_108_864,
  poisonListedMax: 100,
  poisonReplayedMax: 16,
  /** Readings of a stored segment; a fuller one is split. */
  segmentReadingsMax: 512,
  /** Batches without times of a device that the origin remembers, one by one. */
  timelessBatchesPerDeviceMax: 100_000,
  /**
   * How long after its commit a batch may be sent again to another region, in milliseconds. One
   * that the origin does not know, but may have forgotten, is quarantined.
   */
  batchRetryMsMax: 3_600_000,
  /** Replicas that a shard of devices knows, one for each region that has had a reading for it. */
  replicasMax: 8_192,
  /** Lives of a replica that are remembered; the ones that were silent longest are forgotten. */
  livesPerReplicaMax: 16,
} as const;
