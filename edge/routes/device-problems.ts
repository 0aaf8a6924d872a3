// What is wrong with a path that names a device?

import type { Problem } from "../../http/problem.ts";
import type { DeviceId } from "../../sync/brand.ts";

export const NO_SUCH_NAME: Problem = {
  code: "device-name",
  status: 400,
  title: "Not a device name",
  detail: "A device's name is 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore and hyphen",
};

/** Says 404 to who asks for a device of which this region has nothing. */
export function notSeen(device: DeviceId, region: string): Problem {
  return {
    code: "device-not-seen",
    status: 404,
    title: "Nothing here yet",
    detail: `Region "${region}" has no reading of device "${device}"; the origin has the view of all regions`,
  };
}
