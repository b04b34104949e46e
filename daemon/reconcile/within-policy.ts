/** What a caller asks for, held against the policy that binds them: the model, and what the Engine has under its names. */
import type { Engine } from '../engine/types.ts'
import { COMPOSE } from '../stack/labels.ts'
import type { RevisionRow } from '../store/revisions.ts'
import type { Caller } from './control.ts'

/** Rejects with what is not allowed. Whoever is bound by no policy costs the Engine nothing. */
export async function mustBeWithinPolicy(
  { policy }: Caller,
  { model, files }: Pick<RevisionRow, 'model' | 'files'>,
  engine: Pick<Engine, 'volumes'>,
  signal: AbortSignal,
): Promise<void> {
  if (policy === undefined) return
  // What came with the request is the caller's own, wherever it was on their machine.
  policy.check(model, new Set(files.filter(({ kind }) => kind === 'bundle').map(({ name }) => name)))
  const name = Object.values(model.volumes ?? {}).map((volume) => volume.name)
  if (name.length === 0) return
  // The filter matches parts of names: harmless, no volume of the model is called so.
  const present = await engine.volumes.list({ filters: { name } }, { signal })
  policy.checkVolumes(model, new Map(present.map(({ Name, Labels }) => [Name, Labels?.[COMPOSE.project]])))
}
