import { describe, expect, test } from 'vitest'
import { engineAddress } from '../../daemon/engine/address.ts'
import { compareApi, connectEngine, NEWEST_API } from '../../daemon/engine/connect.ts'
import { ensureImages } from '../lab/images.mjs'
import { engineContract } from './engine-contract.ts'
import { testEngines } from './support/test-engines.ts'

for (const address of testEngines()) {
  const engine = connectEngine(engineAddress(address, process.env))

  describe(`the negotiation with ${address}`, () => {
    test('takes the newest API version that both sides speak', async () => {
      const { apiVersion, negotiated } = await engine.version()
      expect(negotiated).toBe(compareApi(apiVersion, NEWEST_API) < 0 ? apiVersion : NEWEST_API)
    })
  })

  engineContract(address, { engine, prepare: () => ensureImages(address) })
}
