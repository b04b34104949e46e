/** What a caller asks for, held against the policy that binds them: the model, and what the Engine has under its names. */
import type { Model } from '../../protocol/stackfile/model.ts'
import type { Engine } from '../engine/types.ts'
import { COMPOSE } from '../stack/labels.ts'
import type { Caller } from './control.ts'

/** Rejects with what is not allowed. Whoever is bound by no policy costs the Engine nothing. */
export async function mustBeWithinPolicy(
  { policy }: Caller,
  model: Model,
  engine: Pick<Engine, 'volumes'>,
  signal: AbortSignal,
): Promise<void> {
  if (policy === undefined) return
  policy.check(model)
  const name = Object.values(model.volumes ?? {}).map((volume) => volume.name)
  if (name.length === 0) return
  // The filter matches parts of names: harmless, no volume of the model is called so.
  const present = await engine.volumes.list({ filters: { name } }, { signal })
  policy.checkVolumes(model, new Map(present.map(({ Name, Labels }) => [Name, Labels?.[COMPOSE.project]])))
}
