// Which bounds keep the cache? With their units; edge/limits.ts holds them beside the others, and asserts
// how they relate.

/** Bounds of content. */
export const contentLimits = {
  /** Bytes of stored responses in an isolate's memory. */
  memoryCacheBytesMax: 33_554_432,
  /** Stored responses in an isolate's memory. */
  memoryCacheEntriesMax: 16_384,
  /** What of a tier's bytes is for who has not been asked for twice yet. */
  probationShare: 0.05,
  /** Names of what was given up that a tier remembers, for each entry that it holds; 8 B each. */
  ghostsPerEntry: 4,
  /** Uses of an entry that count: one that was popular once is not kept for ever. */
  countedUsesMax: 15,
  /** Keys that are searched for what was purged before something else is given up for one more. */
  sweptKeysPerPut: 32,
  /** URLs that memory has answered and knows again, and the bytes of their texts. */
  knownUrlsMax: 8_192,
  knownUrlsBytesMax: 4_194_304,
  /** Answers with one stored response that are kept as long as they say the same. */
  preparedAnswersMax: 4,
  /** Characters of a condition that such an answer is kept for; a longer one takes the usual way. */
  preparedConditionCharsMax: 256,
  /** How often the log tells of hits that were answered by the shortest way. */
  hitsToldEveryMs: 1_000,
  /** How long a colo's cache is told to keep what may be of use, in seconds. */
  coloKeptSMax: 2_592_000,
  /** How long what is asked of it is waited for: a call to the region's cell takes less. */
  coloPatienceMs: 100,
  /** How long it is left alone once it has kept somebody waiting for that long. */
  coloRestMs: 10_000,
  /** Bytes of a body that may be stored; SQLite rows end at 2 MB on Cloudflare. */
  storedBodyBytesMax: 1_048_576,
  /** Bytes of a body that lies in its row of a ContentCell; a longer one is kept apart, once. */
  inlineBodyBytesMax: 16_384,
  /** Bytes of a part of such a body. */
  bodyChunkBytes: 262_144,
  /** Bytes on disk of all that one ContentCell stores, unless CELL_BYTES says otherwise. */
  cellBytesMax: 268_435_456,
  /** Bytes of a body that may be stored where a bucket is bound; what is checked at once when it is read. */
  largeBodyBytesMax: 1_073_741_824,
  largeSegmentBytes: 1_048_576,
  /** Bytes of all bodies of a cell in the bucket, unless BUCKET_BYTES says otherwise. */
  bucketBytesMax: 10_737_418_240,
  /** Large bodies that an isolate sends there at once; another one is only passed on. */
  largeFillsMax: 4,
  /** How long sending one may take; past it what was sent is nobody's. */
  largeFillMsMax: 900_000,
  /** Objects that are deleted at once, and how soon after one another. */
  orphansPerSweep: 100,
  orphanSweepMs: 1_000,
  /** What of a cell's bytes is for who has not been asked for twice yet. */
  cellProbationShare: 0.1,
  /** How often a cell that is full asks what has been purged, so that it goes first. */
  cellSweepEveryMs: 60_000,
  /** What share of its bytes makes a cell full in that sense. */
  cellSweepShare: 0.95,
  /** Bytes of bodies that wait for a cell that is busy; one more goes by itself. */
  waitingSavesBytesMax: 8_388_608,
  /** How soon after a call that saves another one is made: what comes meanwhile goes in it. */
  saveGatherMs: 10,
  /** Calls that a request makes for what others save; then one of them makes the next. */
  savesLedMax: 16,
  /** How long a call that saves may take before another one is made beside it. */
  saveMsMax: 5_000,
  /** ContentCells of a region: keys are spread over them. */
  cellsPerRegion: 1,
  // Flights: requests that share one answer of an upstream.
  /** Flights of an isolate; a request beyond it asks for itself. */
  flightsMax: 4_096,
  /**
   * How long a request waits for another's answer before one of those that wait asks too; and how long
   * one isolate of a region may keep the others waiting.
   */
  lockTimeoutMs: 2_000,
  /** How long a request waits for others' answers in all, one after the other. */
  flightWaitMsMax: 3_000,
  /** Flights that a request joins one after the other before it asks for itself. */
  flightRoundsMax: 3,
  /** Targets of which an isolate remembers who may share their answers, and a cell who fills them. */
  knownTargetsMax: 4_096,
  /** Claims that wait for another isolate's fill, in a cell. */
  fillWaitersMax: 4_096,
  /** How long nobody waits for another's answer once one could not be shared; after a server error. */
  hitForMissMs: 120_000,
  hitForMissErrorMs: 1_000,
  /** How long an answer is held back for the rest of its body, so that small ones are sent whole. */
  bodyGatherMs: 4,
  /** The same for a body whose announced bytes fit into a connection's first window (RFC 6928). */
  briefBodyBytesMax: 14_600,
  briefBodyGatherMs: 50,
  /** Bytes of a body on its way that are held for who joins, and of all of an isolate's. */
  arrivingBodyBytesMax: 8_388_608,
  arrivingBytesMax: 33_554_432,
  /** How often a target is asked for anew because it was purged meanwhile. */
  purgedFillsMax: 2,
  /** Characters of a target URI that is cached; longer ones pass through. */
  targetUriCharsMax: 2_048,
  /** Bytes of the header fields of a stored response. */
  storedFieldBytesMax: 16_384,
  /** Variants of one key, and request fields that a response may vary by. */
  variantsPerKeyMax: 64,
  varyNamesMax: 16,
  /** Writes that an isolate and a cell remember, and for how long: a fetch and its body take less. */
  writtenKeysMax: 4_096,
  writtenKeptMs: 30_000,
  /** How often a request may have come through here before it is refused as a loop. */
  proxyLoopsMax: 3,
  /** Longest freshness lifetime that is believed (RFC 9111 §1.2.2 lets us cap it). */
  freshnessLifetimeSMax: 31_536_000,
  /**
   * How long a request waits for the origin when a stale response could be served; and for an upstream,
   * which may have to make its pages first.
   */
  originPatienceMs: 250,
  upstreamPatienceMs: 2_000,
  /** How long a request waits for the origin when there is nothing to serve. */
  originTimeoutMs: 10_000,
  /** While the origin is away, one request in this many milliseconds asks it again. */
  originProbeMs: 1_000,
  /** How long that request waits if there is nothing to serve; then its answer is of use to the next. */
  probePatienceMs: 1_000,
  /**
   * How long a target that failed is not asked for again while it can be served stale, after one failure and
   * after more; and how many are known.
   */
  sparedFirstMs: 1_000,
  sparedTargetMs: 10_000,
  sparedTargetsMax: 4_096,
  /** Bytes of bodies that are kept coded, beside those that they were made of. */
  encodedBytesMax: 16_777_216,
  /** Upstreams of sites of which an isolate remembers how they are. */
  knownServersMax: 1_024,
  /** How long a stale response may be served while the origin is away, unless the site says otherwise. */
  staleOfflineMsMax: 604_800_000,
} as const;
