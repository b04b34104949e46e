import { filtersOf } from './filters.ts'
import { segment, type Transport } from './transport.ts'
import type { Engine, VolumeInfo } from './types.ts'

/** A size of -1 is one that the driver cannot tell. */
interface DiskUsage {
  readonly Name: string
  readonly UsageData?: { readonly Size: number } | null
}

export function volumesOf(http: Transport): Engine['volumes'] {
  const at = (name: string) => `/volumes/${segment(name)}`
  return {
    list: async ({ filters }, options) => {
      const query = { filters: filtersOf(filters) }
      const answer = await http.json<{ Volumes: VolumeInfo[] | null }>({
        method: 'GET',
        path: '/volumes',
        query,
        ...options,
      })
      return answer.Volumes ?? []
    },
    inspect: async (name, options) => http.json({ method: 'GET', path: at(name), ...options }),
    create: (body, options) => http.json({ method: 'POST', path: '/volumes/create', body, ...options }),
    sizes: async (options) => {
      const answer = await http.json<{ Volumes?: DiskUsage[] | null }>({
        method: 'GET',
        path: '/system/df',
        query: { type: 'volume' },
        ...options,
      })
      const known = (answer.Volumes ?? []).filter(({ UsageData }) => (UsageData?.Size ?? -1) >= 0)
      return new Map(known.map(({ Name, UsageData }) => [Name, UsageData!.Size]))
    },
    remove: async (name, { force }, options) => {
      await http.status({ method: 'DELETE', path: at(name), query: { force }, ...options })
    },
  }
}
