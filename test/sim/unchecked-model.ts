import type { Model } from '../../protocol/stackfile/model.ts'

/** Stands in for daemon/reconcile/check-model.ts: the simulator's models are canonical by construction. */
export const checkModel = (model: Model): Model => model
