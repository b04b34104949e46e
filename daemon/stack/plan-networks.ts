/** Networks: made where missing, made anew where their definition changed (then their containers go first). */
import { Problem } from '../../protocol/problems.ts'
import { mustHaveAddresses } from './address-space.ts'
import type { DesiredNetwork } from './desired.ts'
import type { Draft } from './draft.ts'
import type { ObservedNetwork } from './observed.ts'
import type { PlanInput } from './plan-input.ts'

export interface NetworkStage {
  /** Id of the action after which a network is there, by its name on the Engine. */
  readonly created: Readonly<Record<string, string>>
  /** Networks that are made anew: containers on them must be gone before `removal`, and be created after it. */
  readonly replaced: Readonly<Record<string, { readonly removal: string }>>
}

export function planNetworks(draft: Draft, { desired, observed }: PlanInput): NetworkStage {
  const used = new Set(
    [...Object.values(desired.services), ...(desired.oneOffs ?? [])].flatMap((service) =>
      service.run === 'removed' ? [] : service.networks,
    ),
  )
  const created: Record<string, string> = {}
  const replaced: Record<string, { removal: string }> = {}
  for (const network of desired.networks) {
    if (network.spare !== true && !used.has(network.name)) continue
    const there = observed.networks.filter((candidate) => candidate.name === network.name)
    const present = there.find((candidate) => candidate.ownership === 'ours') ?? there[0]
    if (network.external) {
      if (present === undefined) throw missingExternal(network)
      continue
    }
    if (present === undefined) {
      if (network.release !== undefined && network.onlyOnce !== undefined) throw onlyOnce(network)
      created[network.name] = create(draft, network, 'it is not there', [])
    } else if (!belongs(present, network)) {
      throw foreignNetwork(network)
    } else if (present.ownership === 'ours' && present.specHash !== network.specHash) {
      const removal = draft.add({
        body: { kind: 'remove-network', id: present.id, name: present.name },
        key: present.name,
        object: `Network ${present.name}`,
        effect: 'replace',
        reason: 'its definition changed',
      })
      replaced[network.name] = { removal }
      created[network.name] = create(draft, network, 'its definition changed', [removal])
    } else draft.keep()
  }
  if (observed.addresses !== undefined) {
    const leaving = observed.networks.filter(({ name }) => replaced[name] !== undefined).map(({ id }) => id)
    const wanted = desired.networks.filter(({ name }) => created[name] !== undefined)
    mustHaveAddresses(wanted, observed.addresses, new Set(leaving))
  }
  return { created, replaced }
}

function create(draft: Draft, network: DesiredNetwork, reason: string, after: string[]): string {
  return draft.add({
    body: { kind: 'create-network', key: network.key, name: network.name },
    key: network.name,
    object: `Network ${network.name}`,
    effect: after.length > 0 ? 'replace' : 'create',
    reason,
    after,
  })
}

/** Made by us, or by Compose for this very project and key: then it is taken as it is, as Compose does. */
function belongs(present: ObservedNetwork, network: DesiredNetwork): boolean {
  return present.ownership === 'ours' || present.key === network.key
}

function missingExternal(network: DesiredNetwork): Problem {
  return new Problem('conflict', `network ${network.name} declared as external, but could not be found`, {
    hint: `create it (docker network create ${network.name}) or take \`external\` off networks.${network.key}`,
  })
}

function onlyOnce({ key, onlyOnce }: DesiredNetwork): Problem {
  return new Problem(
    'conflict',
    `a release as a whole makes a network ${key} beside the one that is there: ${onlyOnce}`,
    {
      hint: `take that off networks.${key}, or leave the services on it out: \`x-evenkeel: {dns: shared}\``,
    },
  )
}

function foreignNetwork(network: DesiredNetwork): Problem {
  return new Problem('conflict', `a network ${network.name} exists that is not of this stack`, {
    hint: `declare it \`external: true\` under networks.${network.key}, give yours another \`name\`, or remove it`,
  })
}
