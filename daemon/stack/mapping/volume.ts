/** A volume of the model as the Engine's `POST /volumes/create`. */
import type { Model } from '../../../protocol/stackfile/model.ts'
import type { VolumeCreateBody } from '../../engine/types.ts'
import { COMPOSE, COMPOSE_VERSION } from '../labels.ts'
import { defined } from './resources.ts'

export function volumeCreate(model: Model, key: string, labels: Readonly<Record<string, string>>): VolumeCreateBody {
  const volume = model.volumes![key]!
  return defined({
    Name: volume.name,
    Driver: volume.driver ?? 'local',
    DriverOpts: volume.driver_opts,
    Labels: {
      ...volume.labels,
      [COMPOSE.project]: model.name,
      [COMPOSE.volume]: key,
      [COMPOSE.version]: COMPOSE_VERSION,
      ...labels,
    },
  }) as VolumeCreateBody
}
