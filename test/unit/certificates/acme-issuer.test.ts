import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { AcmeIssuer } from '../../../daemon/certificates/acme-issuer.ts'
import { makeKey } from '../../../daemon/certificates/certificate-vault.ts'
import { Refused } from '../../../daemon/certificates/issuer.ts'
import { rejectionOf } from '../support/problems.ts'

const NOW = new Date('2026-11-22T00:00:00Z')

/** An authority that has a directory, and answers all else in one way. */
async function anIssuer(answer: (response: ServerResponse) => void) {
  let asked = 0
  const server = createServer((request, response) => {
    if (request.url === '/dir') {
      const urls = Object.fromEntries(['newNonce', 'newAccount', 'newOrder'].map((name) => [name, `${base}/${name}`]))
      response.setHeader('content-type', 'application/json').end(JSON.stringify(urls))
    } else if (request.method === 'HEAD') response.setHeader('replay-nonce', 'bm9uY2U').end()
    else {
      asked += 1
      answer(response)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const issuer = new AcmeIssuer({
    config: { authority: `${base}/dir`, email: undefined, authorityCertificate: undefined },
    vault: { account: () => ({ key: makeKey(), url: undefined }), keepAccount: () => {} },
    way: { type: 'http-01', set: async () => {}, clear: async () => {} },
    clock: { now: () => NOW, sleep: async () => {} },
    log: { warn: () => {} },
  })
  return { issuer, asked: () => asked }
}
const signal = new AbortController().signal

it('is asked once, and says how long it wants to be left alone', async () => {
  const { issuer, asked } = await anIssuer((response) => {
    response.writeHead(429, { 'retry-after': '7200', 'content-type': 'application/problem+json' })
    response.end(JSON.stringify({ type: 'urn:ietf:params:acme:error:rateLimited', detail: 'too many orders' }))
  })
  const refused = await rejectionOf(issuer.issue('shop.test', signal))
  expect(refused).toBeInstanceOf(Refused)
  expect((refused as Refused).retryAfterMs).toBe(7_200_000)
  expect(refused.message).toMatch(/refuses shop\.test: too many orders \(rateLimited\)$/)
  expect(asked()).toBe(1)
})

it('is not believed where it says nothing that ACME knows, nor read without an end', async () => {
  const { issuer } = await anIssuer((response) =>
    response.writeHead(502, { 'content-type': 'text/html' }).end('<html>'),
  )
  expect((await rejectionOf(issuer.issue('shop.test', signal))).message).toMatch(/refuses shop\.test: status 502$/)
  const { issuer: talkative } = await anIssuer(
    (response) => void response.writeHead(200).end('x'.repeat(2 * 1024 ** 2)),
  )
  expect((await rejectionOf(talkative.issue('shop.test', signal))).message).toMatch(/cannot be asked/)
})

it('is told apart from one that is not there', async () => {
  const issuer = new AcmeIssuer({
    config: { authority: 'http://127.0.0.1:1/dir', email: undefined, authorityCertificate: undefined },
    vault: { account: () => ({ key: makeKey(), url: undefined }), keepAccount: () => {} },
    way: { type: 'http-01', set: async () => {}, clear: async () => {} },
    clock: { now: () => NOW, sleep: async () => {} },
    log: { warn: () => {} },
  })
  const { message, hint } = await rejectionOf(issuer.issue('shop.test', signal))
  expect(message).toBe('127.0.0.1:1 cannot be asked: ECONNREFUSED')
  expect(hint).toContain('goes on')
})
