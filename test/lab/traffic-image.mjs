// The image ek-lab/traffic:1: a service under load.
import { readFileSync } from 'node:fs'
import { ensureNodeImage, nodeImage } from './node-image.mjs'

export const trafficImage = nodeImage('traffic')

/** Makes it on the Engine at `engineUrl`, unless it is there as this code would make it. */
export const ensureTrafficImage = (engineUrl) =>
  ensureNodeImage(engineUrl, 'traffic', readFileSync(new URL('./images/traffic.mjs', import.meta.url)))
