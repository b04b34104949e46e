import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Api } from '../../../client/api.ts'
import { proxySettings } from '../../../client/docker-config.ts'
import { withProxy } from '../../../daemon/build/build-order.ts'
import { containerCreate } from '../../../daemon/stack/mapping/container.ts'
import { proxyArguments, proxyEnvironment } from '../../../protocol/proxy.ts'
import { containerInput } from '../support/container-input.ts'

const ALL = { httpProxy: 'h', httpsProxy: 's', noProxy: 'n', ftpProxy: 'f', allProxy: 'a' }

describe('the proxy settings of the Docker client', () => {
  test('are variables of a container in both spellings', () => {
    expect(proxyEnvironment({ ...ALL, ftpProxy: '' })).toEqual({
      HTTP_PROXY: 'h',
      http_proxy: 'h',
      HTTPS_PROXY: 's',
      https_proxy: 's',
      NO_PROXY: 'n',
      no_proxy: 'n',
      ALL_PROXY: 'a',
      all_proxy: 'a',
    })
    expect(proxyEnvironment(undefined)).toEqual({})
  })

  test('are arguments of a build below those of the file, as docker compose build --print shows them', () => {
    expect(proxyArguments(ALL)).toEqual({ HTTP_PROXY: 'h', HTTPS_PROXY: 's', NO_PROXY: 'n', FTP_PROXY: 'f' })
    expect(withProxy({ args: { HTTP_PROXY: 'own', A: 'b', NO_PROXY: null } }, ALL).args).toEqual({
      HTTP_PROXY: 'own',
      HTTPS_PROXY: 's',
      NO_PROXY: null,
      FTP_PROXY: 'f',
      A: 'b',
    })
    expect(withProxy({}, undefined)).toEqual({})
  })

  test("lie below a container's own environment, name by name, and are no part of its hash", () => {
    const input = containerInput({ environment: { HTTPS_PROXY: 'own', https_proxy: null, A: 'b' } })
    const { body } = containerCreate({ ...input, compose: { ...input.compose, proxy: { httpsProxy: 's' } } })
    expect([...(body.Env as readonly string[])].sort()).toEqual(['A=b', 'HTTPS_PROXY=own', 'https_proxy'])
    const bare = containerInput({})
    const given = containerCreate({ ...bare, compose: { ...bare.compose, proxy: { noProxy: 'n' } } }).body
    expect(given.Env).toEqual(['NO_PROXY=n', 'no_proxy=n'])
    expect(given.Labels).toEqual(containerCreate(bare).body.Labels)
    expect(containerCreate(bare).body.Env).toBeUndefined()
  })
})

describe('config.json', () => {
  const read = async (config: object | undefined) => {
    const folder = mkdtempSync(join(tmpdir(), 'ek-docker-config-'))
    if (config !== undefined) writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
    vi.stubEnv('DOCKER_CONFIG', folder)
    const asked: string[] = []
    onTestFinished(() => {
      vi.unstubAllEnvs()
      rmSync(folder, { recursive: true })
    })
    const call = async (name: string) => {
      asked.push(name)
      return { engine: { address: 'unix:///run/docker.sock' } }
    }
    return { settings: await proxySettings({ call } as unknown as Api), asked }
  }

  test('that is not there, or says nothing of proxies, gives none and asks nobody', async () => {
    for (const config of [undefined, {}, { proxies: {} }, { proxies: { default: { httpProxy: '' } } }]) {
      expect(await read(config)).toEqual({ settings: undefined, asked: [] })
    }
  })

  test('has a default for every Engine', async () => {
    expect(await read({ proxies: { default: { httpProxy: 'h', unknown: 'x', noProxy: 5 } } })).toEqual({
      settings: { httpProxy: 'h' },
      asked: [],
    })
  })

  test("has settings for the daemon's Engine, in place of the default", async () => {
    const proxies = { default: { httpProxy: 'h', noProxy: 'n' }, 'unix:///run/docker.sock': { httpsProxy: 's' } }
    expect(await read({ proxies })).toEqual({ settings: { httpsProxy: 's' }, asked: ['info'] })
    const others = { default: { httpProxy: 'h' }, 'tcp://elsewhere:2375': { httpsProxy: 's' } }
    expect((await read({ proxies: others })).settings).toEqual({ httpProxy: 'h' })
  })
})
