/** Named volumes: made where missing, never made again silently, never dropped because a definition changed. */
import { Problem } from '../../protocol/problems.ts'
import type { Blocked } from './actions.ts'
import type { DesiredVolume } from './desired.ts'
import type { Draft } from './draft.ts'
import type { PlanInput } from './plan-input.ts'

export function planVolumes(draft: Draft, { desired, observed, memory, policy }: PlanInput): void {
  const used = new Set(
    [...Object.values(desired.services), ...(desired.oneOffs ?? [])].flatMap((service) =>
      service.run === 'removed' ? [] : service.volumes,
    ),
  )
  for (const volume of desired.volumes) {
    if (volume.spare !== true && !used.has(volume.name)) continue
    const present = observed.volumes.find((candidate) => candidate.name === volume.name)
    if (volume.external) {
      if (present !== undefined) continue
      throw externalMissing(volume)
    }
    if (present === undefined) {
      const known = memory.volumes.includes(volume.name)
      if (known && policy.mode === 'heal') {
        draft.block(volumeGone(volume.name))
        continue
      }
      if (known) draft.warn(`volume ${volume.name} existed and is gone: an empty one is made`)
      draft.add({
        body: { kind: 'create-volume', key: volume.key, name: volume.name },
        key: volume.name,
        object: `Volume ${volume.name}`,
        effect: 'create',
        reason: known ? 'it is gone, and you asked' : 'it is not there',
      })
    } else if (present.project !== undefined && present.project !== desired.stack) {
      throw ofAnotherStack(volume, present.project)
    } else if (present.ownership === 'ours' && present.specHash !== volume.specHash) {
      draft.block({
        reason: `the definition of volume ${volume.name} changed, and a volume can only be changed by dropping its data`,
        hint: `keep its data: evenkeel volume export ${volume.name} -o FILE; evenkeel down; evenkeel volume rm ${volume.name}; evenkeel volume import ${volume.name} FILE (which makes it as declared); evenkeel up. Or give the new one another \`name\` under volumes.${volume.key}`,
      })
    } else {
      if (present.ownership === 'foreign' && present.key === undefined) {
        draft.warn(
          `volume ${volume.name} exists and was not made for this stack: it is used as it is (say \`external: true\` to silence this)`,
        )
      }
      draft.keep()
    }
  }
}

/** Only a person can say whether an empty one may take its place. */
export const volumeGone = (name: string): Blocked => ({
  reason: `volume ${name} existed and is gone`,
  hint: `bring its data back (evenkeel volume import ${name} FILE), or run \`evenkeel up\` to have an empty one made`,
})

export const externalMissing = ({ key, name }: DesiredVolume): Problem =>
  new Problem('conflict', `volume ${name} declared as external, but could not be found`, {
    hint: `create it (docker volume create ${name}) or take \`external\` off volumes.${key}`,
  })

/**
 * Two stacks come to one name by accident (`shop` with `eu_data`, `shop_eu` with `data`), and by intent where one may not see
 * the other. Compose warns and mounts it; here it would be a way into the data of others, so that it takes `external: true`,
 * which the policy knows.
 */
function ofAnotherStack({ key, name }: DesiredVolume, project: string): Problem {
  return new Problem('conflict', `volume ${name} belongs to stack ${project}`, {
    hint: `give yours another \`name\` under volumes.${key}, or say \`external: true\` to use that one`,
  })
}

/** The action after which a volume is there, if this plan makes it. */
export const volumeCreation = (name: string): string => `create-volume ${name}`
