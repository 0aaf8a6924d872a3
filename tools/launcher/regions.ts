// Which regions does a world on one machine have? Three ports of the Baltic, unless told otherwise.

/** A region and where it stands. */
export interface RegionPlan {
  readonly id: string;
  readonly city: string;
  /** ISO 3166-1 alpha-2, and the continent's two letters. */
  readonly country: string;
  readonly continent: string;
  readonly latitude: number;
  readonly longitude: number;
}

export const DEFAULT_REGIONS: readonly RegionPlan[] = [
  {
    id: "hel",
    city: "Helsinki",
    country: "FI",
    continent: "EU",
    latitude: 60.17,
    longitude: 24.94,
  },
  { id: "tll", city: "Tallinn", country: "EE", continent: "EU", latitude: 59.44, longitude: 24.75 },
  {
    id: "sto",
    city: "Stockholm",
    country: "SE",
    continent: "EU",
    latitude: 59.33,
    longitude: 18.07,
  },
];
