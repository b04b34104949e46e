import { describe, expect, it } from 'vitest'
import { servicePolicyFindings } from '../../../protocol/stackfile/service-policy.ts'
import { tlsOf } from '../../../protocol/stackfile/tls-policy.ts'

const ROUTE = { host: 'shop.test' }
const messages = (policy: object) => servicePolicyFindings(policy).map(({ message }) => message)
const withTls = (tls: unknown) => messages({ routes: [ROUTE], tls })

describe('tls of a service', () => {
  it.each(['auto', 'own', 'off', {}, { certificate: 'own', redirect: false, hsts: 31_536_000 }])('may be %j', (tls) =>
    expect(withTls(tls)).toEqual([]),
  )

  it.each([
    ['on', 'tls is to be auto, own, off, or a mapping'],
    [true, 'tls is to be auto, own, off, or a mapping'],
    [{ certificate: 'letsencrypt' }, 'certificate is to be one of auto, own, off'],
    [{ redirect: 'no' }, 'redirect is to be true or false'],
    [{ hsts: '1y' }, 'hsts is to be a number of seconds, at most 315360000'],
    [{ hsts: -1 }, 'hsts is to be a number of seconds, at most 315360000'],
    [{ hsts: 1.5 }, 'hsts is to be a number of seconds, at most 315360000'],
    [{ redirects: true }, 'Unknown key "redirects"'],
  ])('is not %j', (tls, message) => expect(withTls(tls)).toEqual([message]))

  it('needs a host, for the service as for a route, and says where that is missing', () => {
    expect(messages({ tls: 'auto' })).toEqual(['tls needs a route with a host'])
    expect(messages({ routes: [{ path: '/' }], tls: 'auto' })).toEqual(['tls needs a route with a host'])
    expect(servicePolicyFindings({ routes: [ROUTE, { path: '/', tls: 'own' }] })).toMatchObject([
      { message: 'tls needs a host: a certificate is made out to one', path: ['routes', 1, 'tls'] },
    ])
  })

  it('is looked at in a route as well', () => {
    expect(servicePolicyFindings({ routes: [{ ...ROUTE, tls: { hsts: 'x' } }] })).toMatchObject([
      { path: ['routes', 0, 'tls', 'hsts'], hint: 'Such as 31536000, a year.' },
    ])
  })
})

it('asks an authority and leads HTTP to HTTPS, unless it says otherwise', () => {
  expect(tlsOf('auto')).toEqual({ certificate: 'auto', redirect: true })
  expect(tlsOf({})).toEqual({ certificate: 'auto', redirect: true })
  expect(tlsOf({ certificate: 'own', redirect: false, hsts: 5 })).toEqual({
    certificate: 'own',
    redirect: false,
    hstsSeconds: 5,
  })
  expect(tlsOf('off')).toBeUndefined()
  expect(tlsOf({ certificate: 'off', hsts: 5 })).toBeUndefined()
  expect(tlsOf(undefined)).toBeUndefined()
})
