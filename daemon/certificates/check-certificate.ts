/** Whether a certificate and a key are fit to serve a host: what HAProxy or a browser would refuse is refused here, in words. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { Problem } from '../../protocol/problems.ts'

export interface CheckedCertificate {
  /** PEM, the host's own first, then those that lead to its authority. */
  readonly chain: string
  /** PEM, PKCS #8. */
  readonly key: string
}

export interface CertificateFacts {
  readonly issuer: string
  readonly notBefore: Date
  readonly notAfter: Date
}

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g
const CHAIN_LIMIT = 10
/** An authority's clock may be ahead of ours. */
const CLOCKS_APART_MS = 300_000
const RSA_LIMIT_BITS = 2048
const CURVES: readonly (string | undefined)[] = ['prime256v1', 'secp384r1', 'secp521r1']
/** MD5 and SHA-1 under RSA, SHA-1 under ECDSA: object identifiers as they stand in a certificate (RFC 8017, RFC 5758). */
const BROKEN_SIGNATURES = ['06092a864886f70d010104', '06092a864886f70d010105', '06072a8648ce3d0401'].map((hex) =>
  Buffer.from(hex, 'hex'),
)

export function checkCertificate(
  host: string,
  { certificate, key }: { readonly certificate: string; readonly key: string },
  now: Date,
): CheckedCertificate {
  const chain = readChain(certificate)
  const own = chain[0]!
  const privateKey = readKey(key)
  if (!own.checkPrivateKey(privateKey))
    throw invalid('the key is not that of the certificate', 'give the key that it was made with')
  const isForHost = own.checkHost(host) !== undefined
  // One that signed itself often calls itself an authority as well: openssl makes them so.
  if (own.ca && !isForHost)
    throw invalid('the first certificate is that of an authority', `the one of ${host} comes first`)
  if (!isForHost)
    throw invalid(`the certificate is not for ${host}, but for ${namesOf(own)}`, 'import it for a host that it names')
  const { notBefore, notAfter } = factsOf(own)
  if (notAfter <= now) throw invalid(`the certificate has expired on ${notAfter.toISOString()}`, 'have a new one made')
  if (notBefore.getTime() > now.getTime() + CLOCKS_APART_MS)
    throw invalid(`the certificate does not hold before ${notBefore.toISOString()}`, 'see the clock of this machine')
  chain.forEach((one, index) => {
    const issuer = chain[index + 1]
    if (issuer !== undefined && !(one.checkIssued(issuer) && one.verify(issuer.publicKey)))
      throw invalid(
        `certificate ${index + 2} of the chain did not sign number ${index + 1}`,
        'the order is: the host, then each issuer after the one that it signed',
      )
    const isRoot = one.checkIssued(one)
    if (!isRoot && BROKEN_SIGNATURES.some((identifier) => one.raw.includes(identifier)))
      throw invalid(`certificate ${index + 1} is signed with MD5 or SHA-1`, 'have one made that is signed with SHA-256')
    refuseWeak(one.publicKey, `the key of certificate ${index + 1}`)
  })
  return {
    chain: chain.map((one) => one.toString()).join(''),
    key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
  }
}

/** Of a chain that was checked before. */
export function readFacts(chain: string): CertificateFacts {
  return factsOf(new X509Certificate(chain))
}

function factsOf(certificate: X509Certificate): CertificateFacts {
  return {
    issuer: /^(?:CN|O)=(.+)$/m.exec(lastFirst(certificate.issuer))?.[1] ?? certificate.issuer.replaceAll('\n', ', '),
    notBefore: new Date(certificate.validFrom),
    notAfter: new Date(certificate.validTo),
  }
}

/** The common name stands at the end, where there is one. */
const lastFirst = (name: string): string => name.split('\n').reverse().join('\n')

const namesOf = ({ subjectAltName }: X509Certificate): string =>
  (subjectAltName ?? 'no host').replaceAll('DNS:', '').slice(0, 300)

function readChain(pem: string): X509Certificate[] {
  const blocks = pem.match(BLOCK) ?? []
  if (blocks.length === 0)
    throw invalid('there is no certificate in it', 'it is to be PEM: -----BEGIN CERTIFICATE-----, the chain after it')
  if (blocks.length > CHAIN_LIMIT) throw invalid(`a chain has at most ${CHAIN_LIMIT} certificates`, 'leave out others')
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block)
    } catch (cause) {
      throw invalid(`certificate ${index + 1} cannot be read`, 'it is to be PEM, whole', cause)
    }
  })
}

function readKey(pem: string): KeyObject {
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch (cause) {
    const hint = /passphrase|decrypt|bad password/i.test(String(cause))
      ? 'take its passphrase off: openssl pkey -in KEY -out OPEN_KEY'
      : 'it is to be PEM: -----BEGIN PRIVATE KEY-----'
    throw invalid('the key cannot be read', hint, cause)
  }
  refuseWeak(key, 'the key')
  return key
}

function refuseWeak({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject, whose: string): void {
  const { modulusLength, namedCurve } = asymmetricKeyDetails ?? {}
  if (asymmetricKeyType === 'rsa' && (modulusLength ?? 0) >= RSA_LIMIT_BITS) return
  if (asymmetricKeyType === 'ec' && CURVES.includes(namedCurve)) return
  throw invalid(
    `${whose} is ${asymmetricKeyType} ${modulusLength ?? namedCurve ?? ''}`.trim(),
    `RSA with ${RSA_LIMIT_BITS} bits or more, or ECDSA on P-256, P-384 or P-521 is taken`,
  )
}

const invalid = (detail: string, hint: string, cause?: unknown): Problem =>
  new Problem('certificate-invalid', detail, { hint, cause })
