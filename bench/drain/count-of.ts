// How many readings of a device does an end of the link count?

/** How many readings of a device an end counts. */
export async function countOf(url: string, device: string, authorization: string): Promise<number> {
  const response = await fetch(`${url}/v1/devices/${device}`, { headers: { authorization } });
  if (!response.ok) return (await response.body?.cancel(), 0);
  const { streams = {} } = (await response.json()) as {
    streams?: Record<string, { readonly count: number }>;
  };
  return Object.values(streams).reduce((sum, { count }) => sum + count, 0);
}
