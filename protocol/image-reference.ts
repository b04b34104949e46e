/** The registry of an image reference: what comes before the first slash if it looks like a host, else Docker Hub. */
export function registryOf(reference: string): string {
  const [first, ...rest] = reference.split('/')
  return rest.length > 0 && (/[.:]/.test(first!) || first === 'localhost') ? first! : 'docker.io'
}
