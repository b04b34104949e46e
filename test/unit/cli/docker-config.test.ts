import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import type { Api } from '../../../client/api.ts'
import { proxySettings } from '../../../client/docker-config.ts'
import { Problem } from '../../../protocol/problems.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const PROXIES = {
  default: { httpProxy: 'http://for-all' },
  'unix:///var/run/docker.sock': { httpProxy: 'http://for-that-engine' },
}

function proxyFor(answer: () => unknown) {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ proxies: PROXIES }))
  vi.stubEnv('DOCKER_CONFIG', folder)
  return proxySettings({ call: async () => answer() } as unknown as Api)
}

test('proxies of the daemon’s Engine win over the default', async () => {
  const info = { engine: { address: 'unix:///var/run/docker.sock' } }
  expect(await proxyFor(() => info)).toEqual({ httpProxy: 'http://for-that-engine' })
})

test('who may deploy and not look at the Engine is given the default', async () => {
  const refuse = (code: 'forbidden' | 'engine-unreachable') => () => {
    throw new Problem(code, 'no')
  }
  expect(await proxyFor(refuse('forbidden'))).toEqual({ httpProxy: 'http://for-all' })
  await expect(proxyFor(refuse('engine-unreachable'))).rejects.toMatchObject({ code: 'engine-unreachable' })
})
