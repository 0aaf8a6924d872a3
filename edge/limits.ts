// Every bound of the edge, with its unit and why it is what it is. A queue, loop, retry, cache,
// batch or string without an entry here, in sync/limits.ts or beside its only use is a mistake.

import { FRAME_BYTES_MAX, KEY_BYTES_MAX } from "../sync/limits.ts";
import { assert } from "../sync/assert.ts";
import { contentLimits } from "./content-limits.ts";

const own = {
  // Ingest (DESIGN: statuses of the readings door).
  /** Bytes of a request's body, after gunzip. */
  bodyBytesMax: 1_048_576,
  /** Readings in one request. */
  readingsPerRequestMax: 10_000,
  /** Devices that one request has readings of, and calls to hubs that it makes at once. */
  devicesPerRequestMax: 256,
  hubCallsAtOnceMax: 8,
  /** Cells of a row of CSV: the time, and a device's streams. */
  csvColumnsMax: 257,
  /** How long a body without times is known by its hash, in minutes. */
  bodyKeyMinutes: 10,
  /** Items of `errors` in an answer; the counts stay exact. */
  errorsListedMax: 20,
  /** Streams of one device; each has its own totals row. */
  streamsPerDeviceMax: 256,
  /** Characters of a `boot` or an Idempotency-Key. */
  batchKeyCharsMax: 128,
  /** Boots of a device whose batches a hub remembers. */
  bootsPerDeviceMax: 8,
  /** Batches of a boot below its highest that a hub remembers one by one. */
  batchWindow: 64,
  /** Idempotency-Keys of a device that a hub remembers. */
  keysPerDeviceMax: 64,
  /** How far behind its stream's newest event time a reading may lie before it counts as late. */
  latenessMs: 3_600_000,
  /** Devices that one hub serves; beyond it new devices get 503. */
  devicesPerHubMax: 65_536,
  /** Bytes of device state that a hub keeps in memory, estimated; what is over is written. */
  devicesInMemoryBytesMax: 33_554_432,

  /** How far ahead of its rate a device, or an address, may be. */
  rateBurstMs: 10_000,
  /** Addresses whose rate an isolate remembers. */
  ratedAddressesMax: 16_384,

  // Streams of readings over a WebSocket (docs/ingest-protocol.md).
  /** Messages, and bytes of messages, of one stream that may be unanswered. */
  streamWindowMessages: 64,
  streamWindowBytes: 2_097_152,
  /** Bytes of unanswered messages of all streams of a hub; whoever sends more is turned away. */
  streamHubBytesMax: 33_554_432,
  /** Answered messages that a client need not have confirmed yet: answers to them may lie unread. */
  streamUnseenMessagesMax: 1_024,
  /** How long a stream's attachment may be behind its answers, milliseconds. */
  streamKeepMs: 1_000,
  /** Messages that one commit takes in. */
  streamCommitMessagesMax: 256,
  /** Longest time that an answer is held back so that commits are shared, milliseconds. */
  streamLingerMsMax: 250,
  /** After so long without a word a stream is closed: what it is unless asked for otherwise. */
  streamIdleMs: 120_000,
  streamIdleSMin: 5,
  streamIdleSMax: 600,
  /** Streams that a device has open; one more, and the oldest is closed. */
  streamsOfDeviceMax: 4,
  /** Streams that a hub has open; beyond it 503. */
  streamsPerHubMax: 8_192,

  // The hub's journal.
  /** Bytes of journal that wait for the origin: the buffer's quota, unless BUFFER says otherwise. */
  journalUnackedBytesMax: 536_870_912,
  /** Shares of the quota: announced from here on; some are refused (429); all are (503). */
  bufferAnnounceShare: 0.7,
  bufferSlowShare: 0.85,
  bufferFullShare: 0.95,
  /** Share that `drop-newest` keeps of the oldest; above it the newest come and go. */
  bufferKeptShare: 0.8,
  /** Bytes of minutes of thinned readings that wait for the origin: past it nothing is thinned. */
  thinnedBytesMax: 134_217_728,
  /** Bytes of those that the origin has taken, kept in case that it is restored from a copy. */
  thinnedTakenBytesMax: 16_777_216,
  /** Bytes of a message of such minutes, about, and messages in one alarm. */
  thinnedMessageBytes: 262_144,
  thinnedMessagesPerAlarmMax: 16,
  /** Bytes that are given up in one turn, about, where a policy gives up. */
  shedBytesAtOnce: 524_288,
  /**
   * Bytes of gap records, and of one, estimated: past it hours of streams are not told apart any more,
   * only streams, and past twice as much only devices.
   */
  gapBytesMax: 2_097_152,
  gapRecordBytes: 128,
  /** Messages of gap records that are sent in one alarm; the rest waits for the next. */
  gapMessagesPerAlarmMax: 16,
  /** Gaps that an answer lists. */
  gapsListedMax: 1_000,
  /** Longest Retry-After of a buffer, seconds, and how far it is spread either way. */
  bufferRetrySMax: 300,
  bufferRetryJitter: 0.2,
  /** Bytes of journal kept in all; acknowledged rows beyond it are dropped, oldest first. */
  journalBytesMax: 1_073_741_824,
  /** How long a commit waits for those that shared the ones before, milliseconds. */
  commitGatherMs: 5,
  /**
   * How many it waits for at most. The disk is waited for with nothing else going on, so fewer commits
   * are better; with all of 16 one that is late would keep everybody waiting.
   */
  commitSharersMax: 12,
  /**
   * Pages of a hub's log, of 4 KiB, past which it is brought into the database though commits come; and
   * how long none may have come before it is anyhow, milliseconds.
   */
  logPagesMax: 4_096,
  logQuietMs: 25,
  /** Bytes after which a slot takes no more batches; it may exceed them by one request's. */
  slotBytesTarget: 262_144,
  /** How long an entry is kept after the origin holds it, so that a restored one can ask again. */
  journalKeptMs: 172_800_000,
  /** Bytes of such entries: a fifth of the journal's bound. */
  journalKeptShare: 0.2,
  /** Bytes of journal after which it is sealed: what a restart has to fold again, about. */
  sealBytes: 524_288,
  /** The same of a hub whose commits are slow, because what its slots hold stays in the file. */
  sealSlowBytes: 294_912,
  /** How long nothing else may have been to be done before a hub seals, milliseconds. */
  sealQuietMs: 25,
  /** Other work that took so long between two slices is work that more will follow, milliseconds. */
  sealBusyMs: 2,
  /** Bytes of journal that are not sealed past which a hub seals though commits come. */
  sealPressingBytes: 6_291_456,
  /** How long such a hub pauses between two slices, milliseconds; just below the bound not at all. */
  sealPauseMs: 8,
  /** Slices that go together between two commits, just below the bound. */
  sealSlicesMax: 8,
  /** Bytes of journal that are not sealed; past it a commit waits until they are fewer. */
  unsealedBytesMax: 8_388_608,
  /** How long a commit may wait before it is sealed. */
  sealAfterMs: 3_600_000,
  /** Readings that are sealed in one go: some 50 bytes of memory each. */
  sealReadingsMax: 400_000,
  /** How long a hub seals before other work is let in, milliseconds, and readings in that time. */
  sliceMs: 2,
  sliceReadings: 20_000,
  /** Bytes of sealed entries that wait for the origin, after which they are packed. */
  archiveBytes: 1_048_576,
  /** Bytes of them past which they are packed before what comes meanwhile is sealed. */
  archiveBytesMax: 67_108_864,
  /** Readings of decoded segments that are remembered while entries are packed: 18 bytes each. */
  segmentReadingsRememberedMax: 400_000,
  /** Damaged entries, pages and items that are told apart and counted. */
  damageReportsMax: 1_024,
  /** Journal rows dropped at once, and how often in one alarm: more than it can acknowledge. */
  dropRowsMax: 1_024,
  dropTurnsMax: 64,
  /** Bytes of a page of items: devices, segments, rollups. */
  pageBytesMax: 98_304,
  /** Bytes of journal and segments that one reading check decodes; beyond it the origin's check decides alone. */
  overlapBytesMax: 4_194_304,
  /** Event times further apart than this are looked up apart, at first. */
  overlapGapMs: 60_000,
  /** Lookups of one reading check; with more of them the gap is doubled. */
  overlapRangesMax: 512,
  /**
   * How long readings, their minutes and their hours are kept, by event time: 7 days, 90 days and 5
   * years; and in how many bytes. What goes is folded into the next class first.
   */
  rawKeptMs: 604_800_000,
  rawBytesMax: 536_870_912,
  minutesKeptMs: 7_776_000_000,
  minutesBytesMax: 134_217_728,
  hoursKeptMs: 157_766_400_000,
  hoursBytesMax: 33_554_432,
  /** Pages that are dropped in one go. */
  retainPagesMax: 4_096,
  // Reading back.
  /** Readings, or buckets, of a page: unless told, and at most. A page can be posted back. */
  historyRowsDefault: 1_000,
  historyRowsMax: 10_000,
  /** Bytes of a page, estimated. */
  historyBytesMax: 1_048_576,
  /** Readings that one page may decode, about: 64 slices; then it ends, and the cursor goes on. */
  historyWorkMax: 786_432,
  /** Readings that are decoded before other work is let in: about 5 ms; one segment may be more. */
  historySliceReadings: 12_000,
  /** Bytes of the journal in such a slice, unless batches that overlap have more at one time. */
  historySliceBytes: 16_384,
  /** Pages that a hub puts together at once; beyond it 503. */
  historyPagesMax: 8,
  /** Stretches of time of which a page says that they are damaged, or coarser; the last covers the rest. */
  historyRangesListedMax: 20,
  /** Gaps that a page lists, the newest that meet its times. */
  historyGapsListedMax: 20,
  /** Characters of a query's text. */
  historyQueryCharsMax: 32_768,
  /** Retry-After of a hub that serves as many devices, or has as many streams open, as it may. */
  hubFullRetryAfterS: 30,

  /** Journal rows that one turn stamps anew after a clock was wrong. */
  restampRowsMax: 4_096,

  // Rules and alerts; how many there may be, and what they may say: state/rule.ts, state/alert.ts.
  /** Episodes of rules that are not over, of one hub: some 400 bytes of memory each. */
  episodesMax: 16_384,
  /** Alerts of a hub that the region's cell has not taken, and how many it is told at once. */
  alertsWaitingMax: 16_384,
  alertsPerCallMax: 256,
  /** How often a hub asks what the rules are, beside being told that they have changed. */
  rulesLookMs: 5_000,
  /** How long a hub that was never told any waits for its first rules, and any call to the cell. */
  rulesTimeoutMs: 2_000,

  // The link.
  /** Wait after a commit before it is replicated, so that commits share a frame. */
  syncLingerMs: 100,
  /** First and longest wait after a failed exchange (full jitter in between). */
  syncRetryMsMin: 250,
  syncRetryMsMax: 2_000,
  /**
   * A hub at rest speaks to the origin this often, so that a restored origin learns what it lost,
   * and silence means that the link is cut. Spread by a quarter either way.
   */
  heartbeatMs: 60_000,
  /** An exchange that takes longer has failed. */
  exchangeTimeoutMs: 15_000,
  /**
   * Bytes that wait for the origin past which the newest entries go ahead of them: two frames. A frame
   * is shorter then, so that what goes ahead waits for no long one; and how often, how much at once.
   */
  liveBehindBytes: 524_288,
  backlogFrameBytes: 131_072,
  liveEveryMs: 250,
  /** How long an origin that does not take them is left alone at most, and how long one may take. */
  liveRetryMsMax: 60_000,
  liveTimeoutMs: 2_000,
  liveMessagesMax: 2,
  /** Stretches of entries that went ahead, of which a hub knows that the origin holds them. */
  aheadRangesMax: 64,
  /** Exchanges in one alarm before the hub lets other work in. */
  exchangesPerAlarmMax: 64,

  // The region's cell, and what is known of it elsewhere.
  /** How often a cell that is asked speaks to the origin, spread by a quarter either way. */
  regionPollMs: 2_000,
  /** How often one does that nobody has asked for `regionIdleAfterMs`. */
  regionIdlePollMs: 60_000,
  regionIdleAfterMs: 300_000,
  /** How long an isolate goes by what it was told: a revocation or a purge takes effect within. */
  leaseMs: 1_000,
  /** How long a request waits to be told anew; then it goes on with what is known. */
  leaseTimeoutMs: 250,
  /**
   * How long a request for content does: what may have been purged unheard is asked for at the upstream,
   * which takes longer.
   */
  purgePatienceMs: 1_000,
  /** How long a request with a credential waits in an isolate that was never told anything. */
  firstLeaseTimeoutMs: 5_000,
  /**
   * Devices that an isolate is told are denied, some 6 MB of its memory; if there are more, the cell
   * is asked about each device.
   */
  denialsPerLeaseMax: 65_536,
  /** Changes of denials that a cell remembers; who has missed more is told all of them. */
  denialChangesMax: 4_096,
  /** Answers about single devices that an isolate remembers, for as long as a lease. */
  askedDenialsMax: 16_384,
  /** How often a cell writes down when it heard the origin; an outage counts from there. */
  heardEveryMs: 60_000,
  /** Marks that a lease names, the newest; what is older than those left out counts as purged. */
  purgesPerLeaseMax: 4_096,
  /** Regions whose leases an isolate keeps: as many as a deployment may have. */
  leasedRegionsMax: 64,
  /** Bytes of a purge's body, and scopes in one. */
  purgeBodyBytesMax: 262_144,
  purgeScopesMax: 100,
  /** Purges a second of one credential, and what they name, in one region; it may be a burst ahead. */
  purgesPerS: 20,
  purgedScopesPerS: 500,
  /** Credentials whose purges a region's cell counts. */
  ratedPurgersMax: 1_024,
  /** How long a purge that waits for all regions waits, and how often it asks, milliseconds. */
  purgeWaitMs: 10_000,
  purgeAskMs: 250,
  /** Characters of a URL and of a tag that is purged. */
  purgeUrlCharsMax: 2_048,
  purgeTagCharsMax: 128,
  /** Characters of a mark's scope. A longer URL is marked by its hash; a longer prefix is refused. */
  purgeScopeCharsMax: 200,
  /** How often a region's link is woken for sessions that it is behind, milliseconds. */
  sessionWakeMs: 500,

  // Shadows; the bounds of fields are those of state/shadow.ts.
  /** Bytes of a patch of a shadow: one that replaces every field fits. */
  shadowBodyBytesMax: 65_536,
  /** Bytes of a command, and of a device's answer. */
  commandBodyBytesMax: 16_384,
  /** How long a device may wait for a command, milliseconds; below what proxies cut. */
  commandWaitMsMax: 25_000,
  /** Devices that wait at once in a region; one more is answered at once. */
  commandWaitersMax: 8_192,
  /** How often a region looks for commands that have been over for long enough. */
  commandSweepMs: 60_000,
  /** How long the origin may take to answer a request that is handed on to it. */
  forwardTimeoutMs: 5_000,
  /** Retry-After of what needs the origin while it is away, in seconds. */
  originAwayRetryAfterS: 10,

  // The live tail.
  /** Readings of entries that are looked at for listeners before other work is let in. */
  liveSliceReadings: 6_000,
  /** Listeners of one hub; one more gets 503. Each may hold some 100 kB that is under way. */
  liveListenersMax: 64,
  /** Hubs that one listener hears at once; with more it has to name devices. */
  liveHubsMax: 32,
  /** Devices, and streams, that one listener names. */
  liveFiltersMax: 16,
  /** Commits that a listener may be behind; past it, and further back, it is told of a gap. */
  liveLagMax: 1_024,
  /** How often a listener hears something, so that it can tell silence from a line that is cut. */
  liveHeartbeatMs: 15_000,
  /** Alerts that a listener has not been told; past it the oldest is left out. */
  liveAlertsMax: 256,
  /** Retry-After of a hub that has as many listeners as it may, in seconds. */
  liveRetryAfterS: 5,
  /** Messages that a WebSocket's listener has not acknowledged; past it none is sent. */
  liveWindowMessages: 256,
  /** How long such a window may stay full before the listener is let go. */
  liveAckTimeoutMs: 60_000,
  /** Bytes of a line of a hub: those of the largest batch, as JSON. */
  liveLineBytesMax: 8_388_608,
} as const;

export const limits: typeof own & typeof contentLimits = { ...own, ...contentLimits };

assert(limits.csvColumnsMax > limits.streamsPerDeviceMax, "A row has room for every stream");
assert(limits.devicesPerRequestMax <= limits.readingsPerRequestMax, "A device has a reading");
assert(limits.streamWindowBytes >= limits.bodyBytesMax, "The window has room for a message");
assert(limits.streamHubBytesMax > limits.streamWindowBytes, "One stream does not fill a hub");
assert(limits.streamIdleMs <= limits.streamIdleSMax * 1000, "The usual idle time may be asked for");
assert(limits.readingsPerRequestMax * 16 <= FRAME_BYTES_MAX, "Largest batch fits a frame");
assert(
  limits.journalUnackedBytesMax < limits.journalBytesMax,
  "Unacknowledged rows fit the journal",
);
assert(limits.bufferKeptShare < limits.bufferSlowShare, "What is kept leaves room for what comes");
assert(
  limits.thinnedMessageBytes + limits.pageBytesMax < FRAME_BYTES_MAX,
  "A message of minutes is taken",
);
assert(limits.storedBodyBytesMax < limits.cellBytesMax, "One body fits a cell");
assert(limits.arrivingBodyBytesMax > limits.storedBodyBytesMax, "What is stored is held whole");
assert(limits.lockTimeoutMs < limits.originTimeoutMs, "Who waits asks before the leader gives up");
assert(limits.lockTimeoutMs < limits.flightWaitMsMax, "Who waits may go with the one that asks");
assert(limits.writtenKeptMs > 2 * limits.originTimeoutMs, "No fetch outlives a write's memory");
assert(limits.syncRetryMsMin < limits.syncRetryMsMax, "Retries grow");
assert(limits.leaseTimeoutMs < limits.leaseMs, "A request never waits for more than one lease");
assert(
  limits.purgeScopeCharsMax + 34 <= KEY_BYTES_MAX,
  "A mark's scope and its writer, a region of 32 characters, fit a key",
);
