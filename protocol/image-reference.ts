/**
 * The registry of an image reference, as the Engine reads it: what comes before the first slash where it has a dot, a port or a
 * capital letter, which no name on Docker Hub has, or is `localhost`; else Docker Hub.
 */
export function registryOf(reference: string): string {
  const [first = '', ...rest] = reference.split('/')
  const isHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase()
  return rest.length > 0 && isHost ? first : 'docker.io'
}
