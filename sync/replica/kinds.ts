// Which types can be replicated? One kind each; codes are never used again for another. What makes
// one is marked as free of effects, so that a bundle holds only the kinds that it uses.

import { alert, type Alert } from "../crdt/alert.ts";
import { countComponent, type CountComponent } from "../crdt/counts.ts";
import { gComponent, unit, type Unit } from "../crdt/lattice.ts";
import { lwwRegister, type LwwRegister } from "../crdt/lww-register.ts";
import { maxRegister, minRegister } from "../crdt/max-register.ts";
import { mvRegister, renameDots, type MvRegister } from "../crdt/mv-register.ts";
import { pnComponent, type PnComponent } from "../crdt/pn-counter.ts";
import { versioned, type Versioned } from "../crdt/versioned.ts";
import { addDecimals } from "../decimal.ts";
import { MV_WRITE_BYTES_MAX } from "../limits.ts";
import { naturalCodec, unitCodec } from "../wire/values.ts";
import {
  alertCodec,
  countComponentCodec,
  pnComponentCodec,
  versionedCodec,
} from "../wire/values/records.ts";
import { lwwRegisterCodec, mvRegisterCodec, numberCodec } from "../wire/values/scalars.ts";
import { componentKind, moveCount, settled, type ComponentKind } from "./component.ts";
import { joinKind, type JoinKind, type JoinTraits } from "./kind.ts";
import { starKind, type StarKind } from "./star-kind.ts";

const LWW_TRAITS: JoinTraits<LwwRegister> = {
  isTombstone: (held) => held.isDeleted,
  stampOf: (held) => held.stamp,
  restamp: (register, stamp) => ({ ...register, stamp }),
};

/** Last write wins, by stamp and then by value. */
export const lwwKind: JoinKind<LwwRegister> = /* @__PURE__ */ joinKind(
  1,
  lwwRegister,
  lwwRegisterCodec,
  LWW_TRAITS,
);

export const maxKind: JoinKind<number> = /* @__PURE__ */ joinKind(2, maxRegister, numberCodec);
export const minKind: JoinKind<number> = /* @__PURE__ */ joinKind(3, minRegister, numberCodec);

/** Grow-only counter: keys are componentKey(name, life). */
export const gCounterKind: ComponentKind<number> = /* @__PURE__ */ componentKind(
  4,
  gComponent,
  naturalCodec,
  {
    renew: /* @__PURE__ */ moveCount(gComponent, (value, confirmed) => value - confirmed),
  },
);

/** Counter that goes both ways: keys are componentKey(name, life). */
export const pnCounterKind: ComponentKind<PnComponent> = /* @__PURE__ */ componentKind(
  5,
  pnComponent,
  pnComponentCodec,
  {
    renew: /* @__PURE__ */ moveCount(pnComponent, (value, confirmed) => ({
      added: value.added - confirmed.added,
      removed: value.removed - confirmed.removed,
    })),
  },
);

/** Counts, exact sums and spread of events without identity: keys are componentKey(name, life). */
export const countsKind: ComponentKind<CountComponent> = /* @__PURE__ */ componentKind(
  6,
  countComponent,
  countComponentCodec,
  {
    renew: /* @__PURE__ */ moveCount(countComponent, subtractCounts),
  },
);

/** Concurrent values side by side. */
export const mvKind: ComponentKind<MvRegister> = /* @__PURE__ */ componentKind(
  7,
  mvRegister,
  mvRegisterCodec,
  {
    writeBytesMax: MV_WRITE_BYTES_MAX,
    renew: (key, { value, confirmed }, { old, next }) => [
      { key, value: settled(renameDots(value, confirmed, old, next), confirmed) },
    ],
  },
);

export const alertKind: JoinKind<Alert> = /* @__PURE__ */ joinKind(8, alert, alertCodec, {
  isTombstone: (held) => held.rank === "none",
  stampOf: (held) => held.stamp,
  restamp: (held, stamp) => ({ ...held, stamp }),
});

export const versionedKind: JoinKind<Versioned> = /* @__PURE__ */ joinKind(
  9,
  versioned,
  versionedCodec,
);

/** Add-wins set. */
export const setKind: StarKind<Unit> = /* @__PURE__ */ starKind(10, unit, unitCodec);

/** Add-wins map to last writes: a removal takes the values with it that it had seen. */
export const mapKind: StarKind<LwwRegister> = /* @__PURE__ */ starKind(
  11,
  lwwRegister,
  lwwRegisterCodec,
  LWW_TRAITS,
);

/** Least and greatest stay: they hold of the rest as well. */
function subtractCounts(value: CountComponent, confirmed: CountComponent): CountComponent {
  const { mantissa, scale } = confirmed.sum;
  const rest = [...value.histogram]
    .map(([bucket, count]) => [bucket, count - (confirmed.histogram.get(bucket) ?? 0)] as const)
    .filter(([, count]) => count > 0);
  return {
    ...value,
    count: value.count - confirmed.count,
    sum: addDecimals(value.sum, { mantissa: -mantissa, scale }),
    histogram: new Map(rest),
  };
}
