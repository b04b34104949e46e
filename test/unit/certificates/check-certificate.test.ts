import { X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { checkCertificate, readFacts } from '../../../daemon/certificates/check-certificate.ts'
import { problemOf } from '../support/problems.ts'
import { authority, type Made, made } from './made.ts'

const NOW = new Date()
const DAY_MS = 24 * 3_600_000
const check = (given: Made, host = 'shop.test', now = NOW) => checkCertificate(host, given, now)
const refused = (given: Made, host?: string, now?: Date) => problemOf(() => check(given, host, now))

describe('a certificate of one’s own', () => {
  it('is taken with its key, and with the chain that signed it', () => {
    const by = authority()
    const own = made({ by })
    const { chain, key } = check({ certificate: `${own.certificate}\n${by.certificate}`, key: own.key })
    expect(chain.match(/BEGIN CERTIFICATE/g)).toHaveLength(2)
    expect(new X509Certificate(chain).subject).toContain('shop.test')
    expect(key).toContain('BEGIN PRIVATE KEY')
    expect(readFacts(chain).issuer).toBe('authority.test')
  })

  it('is taken for all hosts that it names', () => {
    expect(check(made({ host: '*.shop.test' }), 'www.shop.test').chain).toContain('BEGIN CERTIFICATE')
  })

  it('is taken with an RSA key of 2048 bits, and with no smaller one', () => {
    expect(check(made({ key: ['rsa:2048'] })).key).toContain('BEGIN PRIVATE KEY')
    const { code, message, hint } = refused(made({ key: ['rsa:1024'] }))
    expect([code, message]).toEqual(['certificate-invalid', 'the key is rsa 1024'])
    expect(hint).toContain('2048 bits')
  })

  it('is taken where it signed itself, as openssl makes them: as an authority of its own', () => {
    expect(check(made({ extensions: ['basicConstraints=critical,CA:TRUE'] })).chain).toContain('BEGIN CERTIFICATE')
  })

  it('is refused where the key is another one’s', () => {
    expect(refused({ ...made(), key: made().key }).message).toBe('the key is not that of the certificate')
  })

  it('is refused for another host, with those that it is for', () => {
    expect(refused(made(), 'blog.test').message).toBe('the certificate is not for blog.test, but for shop.test')
  })

  it('is refused once it has expired, and before it holds', () => {
    const own = made({ days: 1 })
    expect(refused(own, 'shop.test', new Date(NOW.getTime() + 2 * DAY_MS)).message).toContain('has expired')
    expect(refused(own, 'shop.test', new Date(NOW.getTime() - DAY_MS)).message).toContain('does not hold before')
  })

  it('is refused with a chain that did not sign it, or in another order', () => {
    const by = authority()
    const own = made({ by })
    const join = (...all: Made[]) => ({
      certificate: all.map(({ certificate }) => certificate).join('\n'),
      key: own.key,
    })
    expect(refused(join(own, authority())).message).toBe('certificate 2 of the chain did not sign number 1')
    expect(refused({ ...join(by, own), key: by.key }).message).toBe('the first certificate is that of an authority')
  })

  it('is refused where it is signed with SHA-1', () => {
    expect(refused(made({ digest: 'sha1', by: authority() })).message).toBe('certificate 1 is signed with MD5 or SHA-1')
  })

  it.each([
    ['no PEM', { certificate: 'x', key: 'x' }, 'there is no certificate in it'],
    [
      'a damaged one',
      { certificate: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', key: 'x' },
      'certificate 1 cannot be read',
    ],
  ])('is refused where there is %s', (_, given, message) => expect(refused(given).message).toBe(message))

  it('is refused with a key that is locked, and says how to open it', () => {
    const locked = '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n'
    const { message, hint } = refused({ ...made(), key: locked })
    expect(message).toBe('the key cannot be read')
    expect(hint).toBeTruthy()
  })

  it('shows no word of its key, whatever is wrong', () => {
    const { key } = made()
    const secret = key.split('\n')[1]!
    for (const given of [
      { ...made(), key },
      { certificate: key, key },
    ])
      expect(JSON.stringify(refused(given).toDetails())).not.toContain(secret)
  })
})
